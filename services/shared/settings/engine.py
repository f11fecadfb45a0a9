"""Which model speaks, on what, and how."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from f5_tts_core import limits
from f5_tts_core.engine import Device, EngineConfig, Precision
from services.shared.model_shares import check_name, check_shares, read_shares
from services.shared.settings.section import Section


class EngineSettings(Section):
    """Model and device, and what requests get that name nothing else."""

    TITLE = "engine"

    #: Which installed engine speaks: `f5`, `upstream` (the f5-tts package), `tone` (a test signal).
    engine: str = "f5"
    #: `timbre-tiny` (bundled), or an architecture of F5-TTS: `F5TTS_v1_Base`, `F5TTS_Base`, ….
    model_name: str = "timbre-tiny"
    #: What requests call the model that runs here; unset: MODEL_NAME. Two checkpoints of one architecture need two.
    served_model_name: str | None = None
    #: Where workers hold unlike models: `name=weight` pairs, comma separated, by SERVED_MODEL_NAME. Requests may name
    #: each, and the others are shared out by the weights; 0: only by name. Unset: there is one model.
    models: dict[str, float] = Field(default_factory=dict)
    #: A checkpoint, or its folder; trusted as code is.
    ckpt_path: Path | None = None
    #: What the checkpoint's SHA-256 must be; unset: not checked.
    ckpt_sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = None
    #: The vocabulary, where it does not lie beside the checkpoint.
    vocab_path: Path | None = None
    #: Vocos's weights, or their folder.
    vocoder_path: Path | None = None
    #: Where Hugging Face's tools keep their downloads; models are found there, never fetched.
    hf_cache_dir: Path | None = None
    #: `auto` takes the best there is: cuda, xpu, mps, cpu.
    device: Device = "auto"
    #: `auto` takes the fastest that the device multiplies natively. `int8` is for CPUs: fp32 with the blocks' linear
    #: layers in 8 bits.
    precision: Precision = "auto"
    #: On CUDA, record the kernels of each shape once and replay them; off, each step launches them one by one.
    cuda_graphs: bool = True
    #: The same bytes for the same request and seed, alone and under load; slower, since rows run alone.
    deterministic: bool = False
    #: Jobs that one worker speaks at once.
    max_concurrency: Annotated[int, Field(ge=1, le=256)] = 4
    #: Mel frames in one forward: what bounds the device's memory. On a CPU 2,048 at most, which its caches hold.
    max_batch_frames: Annotated[int, Field(ge=256)] = 8_192
    #: CPU threads of one operation; 0 leaves it to torch.
    torch_threads: Annotated[int, Field(ge=0)] = 0
    #: Go on with the CPU when the device fails for good.
    allow_cpu_fallback: bool = True
    #: Memory for prepared references, so that a voice is prepared once.
    reference_cache_bytes: Annotated[int, Field(ge=0)] = 256 * 1024 * 1024
    #: Loudness that quieter references are raised to.
    target_rms: Annotated[float, Field(gt=0, lt=1)] = limits.TARGET_RMS
    #: Solver steps of requests that name neither steps nor a preset: more is better and slower.
    nfe_step: Annotated[int, Field(ge=limits.MIN_NFE_STEP, le=limits.MAX_NFE_STEP)] = limits.PRESETS[
        limits.DEFAULT_PRESET
    ]
    #: Guidance: how closely to follow text and voice.
    cfg_strength: Annotated[float, Field(ge=0, le=limits.MAX_CFG_STRENGTH)] = limits.DEFAULT_CFG_STRENGTH
    #: Speed of requests that name none, against the reference's.
    speed: Annotated[float, Field(ge=limits.MIN_SPEED, le=limits.MAX_SPEED)] = 1.0
    #: Finds the transcript of a reference sent without one. `auto`: faster-whisper where its model is named,
    #: else pocketsphinx (English) where installed.
    transcriber: Literal["auto", "pocketsphinx", "faster-whisper", "none"] = "auto"
    #: A faster-whisper model's folder.
    whisper_model_path: Path | None = None

    @property
    def served_model(self) -> str:
        """What jobs call the model that runs here."""
        return self.served_model_name or self.model_name

    @property
    def known_models(self) -> tuple[str, ...]:
        """What requests may name."""
        return tuple(self.models) or (self.served_model,)

    def speaks(self, named: str | None) -> str | None:
        """Which model speaks a job that names this one; None where it names none, and there are several."""
        return named or (None if self.models else self.served_model)

    @field_validator("served_model_name")
    @classmethod
    def _check_served_name(cls, name: str | None) -> str | None:
        if name is not None:
            check_name(name)
        return name

    @field_validator("models", mode="before")
    @classmethod
    def _read_models(cls, value: Any) -> Any:
        return read_shares(value) if isinstance(value, str) else value

    @field_validator("models")
    @classmethod
    def _check_models(cls, models: dict[str, float]) -> dict[str, float]:
        check_shares(models)
        return models

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
            cuda_graphs=self.cuda_graphs,
            deterministic=self.deterministic,
            max_concurrency=self.max_concurrency,
            max_batch_frames=self.max_batch_frames,
            threads=self.torch_threads,
            allow_cpu_fallback=self.allow_cpu_fallback,
            reference_cache_bytes=self.reference_cache_bytes,
            target_rms=self.target_rms,
        )
