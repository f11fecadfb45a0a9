"""Every setting, by environment variable, in one place. Wrong values are refused at start by name.

A field's name in capitals is its variable: `nfe_step` is `NFE_STEP`. Secrets have no default.
"""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, HttpUrl, SecretStr, ValidationError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from f5_tts_core import limits
from f5_tts_core.engine import Device, EngineConfig, Precision

LogLevel = Literal["debug", "info", "warning", "error"]


class SettingsError(ValueError):
    """One line a wrong setting: its name, what is wrong, what was expected. Never the value: it may be a secret."""


class Settings(BaseSettings):
    model_config = SettingsConfigDict(env_file=None, frozen=True, extra="ignore")

    # --- API ------------------------------------------------------------------------------------
    api_host: str = "127.0.0.1"
    api_port: Annotated[int, Field(ge=0, le=65_535)] = 8000
    #: `name=sha256-of-the-key` pairs, comma separated; `timbre keys new NAME` prints one.
    api_keys: Annotated[dict[str, str], NoDecode] = Field(default_factory=dict)
    #: Serve without API keys on an address that others can reach.
    allow_anonymous: bool = False
    cors_origins: Annotated[tuple[str, ...], NoDecode] = ()
    #: Whether `POST /tts` answers the job or, where nothing else is asked for, waits for the audio.
    default_mode: Literal["async", "sync"] = "async"
    max_wait_seconds: Annotated[float, Field(gt=0, le=600)] = 60.0
    max_upload_bytes: Annotated[int, Field(gt=0)] = limits.MAX_UPLOAD_BYTES
    max_text_characters: Annotated[int, Field(gt=0)] = limits.MAX_TEXT_CHARACTERS

    # --- parts ----------------------------------------------------------------------------------
    redis_url: SecretStr
    #: Celery's broker; Redis unless told otherwise.
    broker_url: SecretStr | None = None
    s3_endpoint: HttpUrl
    #: What clients reach the object store under; signed URLs name it.
    s3_public_endpoint: HttpUrl | None = None
    s3_access_key: SecretStr
    s3_secret_key: SecretStr
    s3_bucket: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$")] = "timbre"
    s3_region: str = "us-east-1"
    #: A CDN in front of finished audio: `{base}/{key}` replaces the signed URL.
    public_audio_base_url: HttpUrl | None = None
    result_url_seconds: Annotated[int, Field(ge=60, le=604_800)] = 3_600

    # --- engine ---------------------------------------------------------------------------------
    engine: str = "f5"
    model_name: str = "timbre-tiny"
    ckpt_path: Path | None = None
    ckpt_sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = None
    vocab_path: Path | None = None
    vocoder_path: Path | None = None
    hf_cache_dir: Path | None = None
    device: Device = "auto"
    precision: Precision = "auto"
    deterministic: bool = False
    max_concurrency: Annotated[int, Field(ge=1, le=256)] = 4
    max_batch_frames: Annotated[int, Field(ge=256)] = 8_192
    torch_threads: Annotated[int, Field(ge=0)] = 0
    allow_cpu_fallback: bool = True
    reference_cache_bytes: Annotated[int, Field(ge=0)] = 256 * 1024 * 1024
    target_rms: Annotated[float, Field(gt=0, lt=1)] = limits.TARGET_RMS
    nfe_step: Annotated[int, Field(ge=limits.MIN_NFE_STEP, le=limits.MAX_NFE_STEP)] = limits.PRESETS[
        limits.DEFAULT_PRESET
    ]
    cfg_strength: Annotated[float, Field(ge=0, le=limits.MAX_CFG_STRENGTH)] = limits.DEFAULT_CFG_STRENGTH
    speed: Annotated[float, Field(ge=limits.MIN_SPEED, le=limits.MAX_SPEED)] = 1.0
    #: Finds the transcript of a reference sent without one. `auto`: faster-whisper where its model is named,
    #: else pocketsphinx (English) where installed.
    transcriber: Literal["auto", "pocketsphinx", "faster-whisper", "none"] = "auto"
    whisper_model_path: Path | None = None

    # --- jobs -----------------------------------------------------------------------------------
    lease_seconds: Annotated[float, Field(gt=0)] = 10.0
    heartbeat_seconds: Annotated[float, Field(gt=0)] = 2.0
    sweep_seconds: Annotated[float, Field(gt=0)] = 2.0
    #: A queued job is enqueued again when the broker's queue is empty and it was sent longer ago than this.
    resend_seconds: Annotated[float, Field(gt=0)] = 5.0
    max_attempts: Annotated[int, Field(ge=1)] = 5
    #: How long a worker keeps trying a store that does not answer before it gives the job back.
    storage_retry_seconds: Annotated[float, Field(ge=0)] = 60.0
    #: How long a stopping worker finishes its jobs before it gives them back.
    stop_grace_seconds: Annotated[float, Field(ge=0)] = 20.0
    #: How long a job may wait before it expires.
    queue_ttl_seconds: Annotated[float, Field(gt=0)] = 86_400.0
    #: How long an ended job's record and audio are kept.
    job_ttl_seconds: Annotated[int, Field(gt=0)] = 7 * 86_400

    log_level: LogLevel = "info"

    def engine_config(self) -> EngineConfig:
        return EngineConfig(
            model_name=self.model_name,
            ckpt_path=self.ckpt_path,
            vocab_path=self.vocab_path,
            vocoder_path=self.vocoder_path,
            hf_cache_dir=self.hf_cache_dir,
            ckpt_sha256=self.ckpt_sha256,
            device=self.device,
            precision=self.precision,
            deterministic=self.deterministic,
            max_concurrency=self.max_concurrency,
            max_batch_frames=self.max_batch_frames,
            threads=self.torch_threads,
            allow_cpu_fallback=self.allow_cpu_fallback,
            reference_cache_bytes=self.reference_cache_bytes,
            target_rms=self.target_rms,
        )
