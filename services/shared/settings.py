"""Every setting, by environment variable, in one place. Wrong values are refused at start by name.

A field's name in capitals is its variable: `nfe_step` is `NFE_STEP`. Secrets have no default.
"""

import ipaddress
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit, urlunsplit

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    HttpUrl,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_core import ErrorDetails

from f5_tts_core import limits
from f5_tts_core.engine import Device, EngineConfig, Precision
from services.shared.api_key import ANONYMOUS
from services.shared.priority import Priority
from services.shared.signing import signing_key
from services.shared.telemetry.metric import Process
from services.shared.webhook import LAST_TRY_SECONDS

LogLevel = Literal["debug", "info", "warning", "error"]
MetricsPort = Annotated[int, Field(ge=0, le=65_535)] | None

_SHA256 = re.compile(r"[0-9a-f]{64}")
_KEY_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_ORIGIN = re.compile(r"https?://[^/\s?#@*]+")
_HOST = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9._-]{0,251}[A-Za-z0-9_.])?")


class SettingsError(ValueError):
    """One line a wrong setting: its name, what is wrong, what was expected. Never the value: it may be a secret."""


class Settings(BaseModel):
    """Built by `load_settings`; a value given in code goes through the same checks."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, validate_default=False)

    # --- API ------------------------------------------------------------------------------------
    #: Address to listen on; one that others can reach needs callers who say who they are.
    api_host: str = "127.0.0.1"
    #: Port to listen on; `timbre up` takes another when 8000 is taken and none is named here.
    api_port: Annotated[int, Field(ge=0, le=65_535)] = 8000
    #: `name=sha256-of-the-key` pairs, comma separated; `timbre keys new NAME` prints one. The store may hold more keys.
    api_keys: dict[str, str] = Field(default_factory=dict, repr=False)
    #: Ask every caller for a key or token, also where API_KEYS names none: `timbre keys create` puts keys in the store.
    require_auth: bool = False
    #: Serve without API keys on an address that others can reach.
    allow_anonymous: bool = False
    #: Origins whose pages may call the API, comma separated; none by default.
    cors_origins: tuple[str, ...] = ()
    #: Whether `POST /tts` answers the job or, where nothing else is asked for, waits for the audio.
    default_mode: Literal["async", "sync"] = "async"
    #: The longest that a request may wait for its audio.
    max_wait_seconds: Annotated[float, Field(gt=0, le=600)] = 60.0
    #: How long an `Idempotency-Key` answers the job that it made.
    idempotency_seconds: Annotated[int, Field(gt=0)] = 86_400
    #: The longest that `POST /runsync` waits.
    runsync_seconds: Annotated[float, Field(gt=0, le=600)] = 300.0
    #: The largest reference that is accepted.
    max_upload_bytes: Annotated[int, Field(gt=0)] = limits.MAX_UPLOAD_BYTES
    #: The largest that is accepted as a direct upload (`POST /uploads`), which goes past the API to the object store.
    max_direct_upload_bytes: Annotated[int, Field(gt=0)] = 100 * 1024 * 1024
    #: Direct uploads of one owner that may wait to be used.
    max_direct_uploads: Annotated[int, Field(ge=0, le=1_000)] = 100
    #: The longest text that is spoken in one go, and that somebody may wait for.
    max_text_characters: Annotated[int, Field(gt=0)] = limits.MAX_TEXT_CHARACTERS
    #: The longest text that `POST /tts` takes: longer ones than MAX_TEXT_CHARACTERS become long jobs.
    max_long_text_characters: Annotated[int, Field(gt=0, le=1_000_000)] = limits.MAX_LONG_TEXT_CHARACTERS
    #: Texts that one batch may hold.
    max_batch_items: Annotated[int, Field(ge=1, le=5_000)] = 1_000
    #: Characters that all texts of one batch may have together.
    max_batch_characters: Annotated[int, Field(ge=1)] = 1_000_000
    #: The longest text that is accepted at `/tts/live` in one session.
    max_live_characters: Annotated[int, Field(gt=0)] = 100_000
    #: How long such a session waits for its client to go on, once all that came is spoken.
    live_idle_seconds: Annotated[float, Field(gt=0)] = 60.0
    #: The longest that such a session lasts.
    live_session_seconds: Annotated[float, Field(gt=0)] = 3_600.0
    #: Voices that one owner may store.
    max_voices: Annotated[int, Field(ge=0)] = 1_000

    # --- tenants --------------------------------------------------------------------------------
    #: How long a process believes what it read of a key: so long a key that was revoked may still open doors.
    key_cache_seconds: Annotated[float, Field(ge=0, le=300)] = 5.0
    #: Whose tokens (JWT) are taken as well as keys: the `iss` that they name.
    jwt_issuer: str | None = None
    #: The `aud` that tokens must name.
    jwt_audience: str | None = None
    #: Where the issuer's public keys are: its JWKS document.
    jwt_jwks_url: HttpUrl | None = None
    #: The claim that names the tenant: the owner of what is made.
    jwt_tenant_claim: str = "sub"
    #: The claim that lists scopes, as a list or in one text.
    jwt_scope_claim: str = "scope"
    #: Requests that a tenant may send in a minute; 0: any number. Limits of tenants are none of anonymous callers.
    tenant_requests_per_minute: Annotated[int, Field(ge=0, le=1_000_000)] = 600
    #: Jobs of a tenant that may be queued and processing; 0: any number.
    tenant_concurrent_jobs: Annotated[int, Field(ge=0)] = 10_000
    #: Streams of audio and events, and WebSockets, that a tenant may have open at one API process; 0: any number.
    tenant_open_streams: Annotated[int, Field(ge=0)] = 1_000
    #: Seconds of audio that may be made for a tenant on a day (UTC); 0: any number.
    tenant_audio_seconds_per_day: Annotated[float, Field(ge=0)] = 0.0
    #: A tenant's share of the workers, against the weights that keys have of their own.
    tenant_weight: Annotated[float, Field(ge=0.01, le=100)] = 1.0
    #: The most urgent that a tenant's jobs may be: `interactive`, `default` or `bulk`.
    tenant_max_priority: Priority = Priority.INTERACTIVE

    # --- parts ----------------------------------------------------------------------------------
    #: Job records, and the queue: redis://[:password@]host:port/db, or rediss:// for TLS.
    redis_url: SecretStr
    #: Celery's broker; Redis unless told otherwise.
    broker_url: SecretStr | None = None
    #: The object store, as the services reach it: http(s)://host:port.
    s3_endpoint: HttpUrl
    #: What clients reach the object store under; signed URLs name it.
    s3_public_endpoint: HttpUrl | None = None
    #: Who the services are to the object store.
    s3_access_key: SecretStr
    #: Its secret.
    s3_secret_key: SecretStr
    #: Where references and audio are kept; made if it is not there.
    s3_bucket: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$")] = "timbre"
    #: What signatures name; most stores but Amazon's ignore it.
    s3_region: str = "us-east-1"
    #: How the store encrypts what is put into the bucket: `none` leaves the bucket as it is, `sse-s3` is the store's
    #: own key, `sse-kms` is S3_KMS_KEY_ID. A store that cannot counts as away.
    s3_encryption: Literal["none", "sse-s3", "sse-kms"] = "none"
    #: The key for `sse-kms`.
    s3_kms_key_id: str | None = None
    #: A CDN in front of finished audio: `{base}/{key}` replaces the signed URL.
    public_audio_base_url: HttpUrl | None = None
    #: How long a signed URL is good for.
    result_url_seconds: Annotated[int, Field(ge=60, le=604_800)] = 3_600

    # --- engine ---------------------------------------------------------------------------------
    #: Which installed engine speaks: `f5`, `upstream` (the f5-tts package), `tone` (a test signal).
    engine: str = "f5"
    #: `timbre-tiny` (bundled), or an architecture of F5-TTS: `F5TTS_v1_Base`, `F5TTS_Base`, ….
    model_name: str = "timbre-tiny"
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
    #: Mel frames in one forward: what bounds the device's memory.
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

    # --- jobs -----------------------------------------------------------------------------------
    #: Whose jobs a worker takes: of `interactive`, `default` and `bulk`, comma separated; unset: all. See that each has
    #: workers.
    worker_priorities: tuple[Priority, ...] = ()
    #: How long a silent worker keeps a job before another may take it.
    lease_seconds: Annotated[float, Field(gt=0)] = 10.0
    #: How often a worker says that it lives.
    heartbeat_seconds: Annotated[float, Field(gt=0)] = 2.0
    #: How often stuck jobs are looked for.
    sweep_seconds: Annotated[float, Field(gt=0)] = 2.0
    #: A queued job is enqueued again when the broker's queue is empty and it was sent longer ago than this.
    resend_seconds: Annotated[float, Field(gt=0)] = 5.0
    #: How long a long job may keep others waiting: then it gives its slot away, and goes on later where it was.
    long_turn_seconds: Annotated[float, Field(ge=0)] = 30.0
    #: Chunks of one long job that are spoken at once, in slots that no other job needs; one slot stays free for the
    #: next job. Unset: as many as there are where the engine gains by batches, as on a GPU; else one.
    long_chunks_at_once: Annotated[int, Field(ge=1, le=256)] | None = None
    #: Messages of a priority that wait for a worker; jobs beyond them wait in line, where tenants take turns. More keep
    #: very many slots busy, and let a tenant's flood stand before others.
    queue_lead: Annotated[int, Field(ge=1, le=10_000)] = 4
    #: Seconds of audio that may be queued, by the lengths of texts; 0: any number. Beyond them, tenants who have more
    #: than their part of it are answered 503.
    max_queued_seconds: Annotated[float, Field(ge=0)] = 360_000.0
    #: In how many seconds a job has to be done where its request does not say so (`deadline_s`); unset: in any time.
    deadline_seconds: Annotated[float, Field(gt=0)] | None = None
    #: Tries at one job before it fails.
    max_attempts: Annotated[int, Field(ge=1)] = 5
    #: How long a worker keeps trying a store that does not answer before it gives the job back.
    storage_retry_seconds: Annotated[float, Field(ge=0)] = 60.0
    #: How long a stopping worker finishes its jobs before it gives them back.
    stop_grace_seconds: Annotated[float, Field(ge=0)] = 20.0
    #: How long a job may wait before it expires.
    queue_ttl_seconds: Annotated[float, Field(gt=0)] = 86_400.0
    #: Pieces kept of a job that is heard while it is spoken; each holds a second at most, and 48 kB.
    stream_pieces: Annotated[int, Field(ge=10)] = 1_000
    #: How long they are kept after the last of them.
    stream_ttl_seconds: Annotated[int, Field(ge=1)] = 300
    #: How long an ended job's record is kept.
    job_ttl_seconds: Annotated[int, Field(gt=0)] = 7 * 86_400
    #: How long its audio is kept; unset: as long as the record.
    output_ttl_seconds: Annotated[int, Field(gt=0)] | None = None
    #: The longest that an uploaded reference may lie; it is deleted when its job ends.
    input_ttl_seconds: Annotated[int, Field(gt=0)] = 2 * 86_400
    #: How long a direct upload may be made and used; it is deleted when it is.
    upload_ttl_seconds: Annotated[int, Field(ge=60, le=604_800)] = 3_600
    #: How long the chunks of a long job are kept after its end, for an edited text to be spoken from.
    chunk_ttl_seconds: Annotated[int, Field(ge=0)] = 86_400
    #: How long audio lies in the bucket before it is deleted for having no job.
    orphan_ttl_seconds: Annotated[int, Field(ge=3_600)] = 86_400

    #: Answer a request that was spoken before, to the same caller, with a copy of that audio.
    result_cache: bool = True

    # --- hooks ----------------------------------------------------------------------------------
    #: Installed text hooks, in the order in which each text goes through them before it is queued; comma separated.
    text_hooks: tuple[str, ...] = ()
    #: Installed audio hooks, in the order in which speech goes through them before it is encoded; streams then begin
    #: when all of it is spoken. Comma separated.
    audio_hooks: tuple[str, ...] = ()
    #: What the text hook `content-filter` refuses: a file of UTF-8 text, a word or phrase a line.
    content_filter_path: Path | None = None
    #: ClamAV's daemon, host:port: looks at every upload, of which none is taken while it is away. Unset: nobody looks.
    clamd_address: tuple[str, int] | None = None
    #: How long it may take to answer.
    clamd_timeout_seconds: Annotated[float, Field(gt=0, le=600)] = 30.0

    # --- outbound -------------------------------------------------------------------------------
    #: Hosts, addresses and networks (10.0.0.0/8) that webhooks and references by URL may lead to although they are
    #: not public, over http and on any port too; comma separated.
    outbound_allowed_hosts: tuple[str, ...] = ()
    #: Buckets of the object store that `voice_url` may name as s3://bucket/key; comma separated.
    voice_url_buckets: tuple[str, ...] = ()
    #: How long fetching a reference by URL may take.
    voice_url_timeout_seconds: Annotated[float, Field(gt=0, le=600)] = 30.0
    #: What webhooks are signed with: `whsec_` and 24 to 64 bytes as base64; unset: no webhooks.
    webhook_secret: SecretStr | None = None
    #: How long a webhook's receiver may take to answer.
    webhook_timeout_seconds: Annotated[float, Field(gt=0, le=60)] = 10.0

    # --- telemetry ------------------------------------------------------------------------------
    #: `debug`, `info`, `warning` or `error`.
    log_level: LogLevel = "info"
    #: Address that the ports for figures listen on. What they tell of tenants they tell everybody who reaches them.
    metrics_host: str = "127.0.0.1"
    #: Port for the API's figures (`/metrics`), which the clients' port does not show. 0: any, see the log; unset: none.
    api_metrics_port: MetricsPort = None
    #: The same for the worker's, with `/healthz` and `/readyz`. Workers on one host need one each.
    worker_metrics_port: MetricsPort = None
    #: The same for those of the control process.
    control_metrics_port: MetricsPort = None
    #: Where traces go: a collector that takes OTLP over HTTP, such as http://127.0.0.1:4318; unset: nothing is traced.
    #: OpenTelemetry's other variables hold too, as OTEL_TRACES_SAMPLER and OTEL_EXPORTER_OTLP_HEADERS.
    otel_exporter_otlp_endpoint: HttpUrl | None = None
    #: Tenants, voices and languages that figures tell apart, of each so many; the rest are `other`. 0: all are.
    metrics_label_values: Annotated[int, Field(ge=0, le=10_000)] = 100

    @property
    def audio_seconds(self) -> int:
        """How long finished audio is kept."""
        return self.job_ttl_seconds if self.output_ttl_seconds is None else self.output_ttl_seconds

    def metrics_port(self, process: Process) -> int | None:
        """None: the process shows no figures."""
        ports = {"api": self.api_metrics_port, "worker": self.worker_metrics_port, "control": self.control_metrics_port}
        return ports[process]

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

    @field_validator("api_keys", mode="before")
    @classmethod
    def _split_keys(cls, value: Any) -> Any:
        return _parse_api_keys(value) if isinstance(value, str) else value

    @field_validator("api_keys")
    @classmethod
    def _check_keys(cls, keys: dict[str, str]) -> dict[str, str]:
        for position, (name, digest) in enumerate(keys.items(), 1):
            if not _KEY_NAME.fullmatch(name):
                raise ValueError(f"entry {position}: expected a name of letters, digits, '.', '_', '-'")
            if not _SHA256.fullmatch(digest):
                raise ValueError(
                    f"entry {position} is not a SHA-256 in 64 lower-case hex digits; keys are never stored in the "
                    "clear: expected name=sha256-of-the-key, as `timbre keys new NAME` prints it"
                )
        if len(set(keys.values())) != len(keys):
            raise ValueError("two names share one key; expected a key of its own for every name")
        if ANONYMOUS in keys:
            raise ValueError("the name 'anonymous' is kept for callers without a key")
        return keys

    @field_validator(
        "cors_origins",
        "outbound_allowed_hosts",
        "voice_url_buckets",
        "text_hooks",
        "audio_hooks",
        "worker_priorities",
        mode="before",
    )
    @classmethod
    def _split_list(cls, value: Any) -> Any:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @field_validator("cors_origins")
    @classmethod
    def _check_origins(cls, origins: tuple[str, ...]) -> tuple[str, ...]:
        if not all(_ORIGIN.fullmatch(origin) for origin in origins):
            raise ValueError("expected origins such as https://app.example.com, comma separated; no '*', no path")
        return origins

    @field_validator("outbound_allowed_hosts")
    @classmethod
    def _check_allowed_hosts(cls, entries: tuple[str, ...]) -> tuple[str, ...]:
        if not all(_HOST.fullmatch(entry) or _is_network(entry) for entry in entries):
            raise ValueError("expected hosts, addresses and networks, comma separated: hooks.internal, 10.0.0.0/8")
        return entries

    @field_validator("clamd_address", mode="before")
    @classmethod
    def _split_address(cls, value: Any) -> Any:
        return _parse_address(value) if isinstance(value, str) else value

    @field_validator("webhook_secret")
    @classmethod
    def _check_webhook_secret(cls, secret: SecretStr | None) -> SecretStr | None:
        if secret is not None:
            signing_key(secret.get_secret_value())
        return secret

    @field_validator("redis_url")
    @classmethod
    def _check_redis_url(cls, url: SecretStr) -> SecretStr:
        if not url.get_secret_value().startswith(("redis://", "rediss://")):
            raise ValueError("expected redis://[:password@]host:port/db, or rediss:// for TLS")
        return url

    @field_validator("s3_endpoint", "s3_public_endpoint")
    @classmethod
    def _check_endpoint(cls, url: HttpUrl | None) -> HttpUrl | None:
        if url is not None and (url.username or url.password or url.query or url.path not in (None, "/")):
            raise ValueError("expected http(s)://host:port alone; credentials go into S3_ACCESS_KEY and S3_SECRET_KEY")
        return url

    @field_validator("otel_exporter_otlp_endpoint")
    @classmethod
    def _check_collector(cls, url: HttpUrl | None) -> HttpUrl | None:
        if url is not None and (url.username or url.password or url.query):
            raise ValueError("expected http(s)://host:port alone; credentials go into OTEL_EXPORTER_OTLP_HEADERS")
        return url

    @model_validator(mode="after")
    def _check_heartbeat(self) -> Self:
        if self.heartbeat_seconds >= self.lease_seconds / 2:
            raise ValueError("HEARTBEAT_SECONDS: two beats must fit into a lease; expected under half of LEASE_SECONDS")
        return self

    @model_validator(mode="after")
    def _check_lifetimes(self) -> Self:
        if self.audio_seconds > self.job_ttl_seconds:
            raise ValueError(
                "OUTPUT_TTL_SECONDS: nobody can ask for audio whose record is gone; expected at most JOB_TTL_SECONDS"
            )
        if self.input_ttl_seconds <= self.queue_ttl_seconds:
            raise ValueError("INPUT_TTL_SECONDS: jobs that wait need theirs; expected more than QUEUE_TTL_SECONDS")
        if self.webhook_secret is not None and self.job_ttl_seconds < LAST_TRY_SECONDS:
            raise ValueError(
                f"JOB_TTL_SECONDS: webhooks are tried again for as long as the record is there; expected at least "
                f"{LAST_TRY_SECONDS} with WEBHOOK_SECRET, and OUTPUT_TTL_SECONDS for audio to go before that"
            )
        return self

    @model_validator(mode="after")
    def _check_buckets(self) -> Self:
        if self.s3_bucket in self.voice_url_buckets:
            raise ValueError("VOICE_URL_BUCKETS: S3_BUCKET holds everybody's references; expected other buckets")
        return self

    @model_validator(mode="after")
    def _check_encryption(self) -> Self:
        if (self.s3_encryption == "sse-kms") != (self.s3_kms_key_id is not None):
            raise ValueError("S3_ENCRYPTION, S3_KMS_KEY_ID: expected sse-kms together with a key, or neither")
        return self

    @model_validator(mode="after")
    def _check_tokens(self) -> Self:
        named = [self.jwt_issuer, self.jwt_audience, self.jwt_jwks_url]
        if any(named) and not all(named):
            raise ValueError("JWT_ISSUER, JWT_AUDIENCE, JWT_JWKS_URL: expected all three, or none for keys alone")
        return self

    @property
    def asks_who(self) -> bool:
        """Whether callers must say who they are. Never decided by what is in a store: that may be empty, or away."""
        return bool(self.api_keys or self.require_auth or self.jwt_issuer)

    def check_exposure(self) -> None:
        """Raise `SettingsError` where strangers could reach an API that does not ask who they are."""
        if not (self.asks_who or self.allow_anonymous or _is_loopback(self.api_host)):
            raise SettingsError(
                "API_HOST: others can reach this address and callers are not asked who they are; "
                "expected API_KEYS, REQUIRE_AUTH=true, JWT_ISSUER, a loopback address, or ALLOW_ANONYMOUS=true"
            )

    def public_view(self) -> dict[str, Any]:
        """All settings as plain JSON values, fit to be shown: no secrets, and of keys how many there are."""
        view = self.model_dump(mode="json", exclude={"s3_access_key", "s3_secret_key", "webhook_secret"})
        for name in ("redis_url", "broker_url"):
            url: SecretStr | None = getattr(self, name)
            view[name] = url and _without_credentials(url.get_secret_value())
        return view | {"api_keys": len(self.api_keys)}


def load_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """Read the settings from `environ` (this process's by default). An empty variable counts as not set.

    Raises `SettingsError`, which tells of every wrong variable at once.
    """
    source = os.environ if environ is None else environ
    given = {
        name: source[name.upper()].strip() for name in Settings.model_fields if source.get(name.upper(), "").strip()
    }
    try:
        return Settings.model_validate(given)
    except ValidationError as error:
        raise SettingsError("\n".join(_explain(one) for one in error.errors(include_input=False))) from None


def _explain(error: ErrorDetails) -> str:
    """One line: the variable, and what was expected of it."""
    message = error["msg"].removeprefix("Value error, ")
    if not error["loc"]:
        return message
    if error["type"] == "missing":
        message = "is not set, and has no default"
    return f"{str(error['loc'][0]).upper()}: {message[0].lower()}{message[1:]}"


def _parse_api_keys(text: str) -> dict[str, str]:
    entries = [entry.strip() for entry in text.split(",") if entry.strip()]
    pairs = [(name.strip(), digest.strip()) for name, _, digest in (entry.partition("=") for entry in entries)]
    if len({name for name, _ in pairs}) != len(pairs):
        raise ValueError("one name is there twice; expected every name once")
    return dict(pairs)


def _parse_address(text: str) -> tuple[str, int]:
    parts = urlsplit(f"//{text}")
    try:
        host, port = parts.hostname, parts.port
    except ValueError:
        host = port = None
    if not (host and port) or parts.netloc != text:
        raise ValueError("expected host:port, such as clamd:3310 or [::1]:3310")
    return host, port


def _is_network(entry: str) -> bool:
    try:
        ipaddress.ip_network(entry)
    except ValueError:
        return False
    return True


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def _without_credentials(url: str) -> str:
    """Scheme, host, port and path: user, password and query may hold secrets."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))
