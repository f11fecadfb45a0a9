"""A job, as it is stored. Frozen: every change is a new `Job`, stored by compare-and-set."""

import hashlib
import re
import secrets
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, Literal

from f5_tts_core import limits
from f5_tts_core.formats import AudioFormat, Encoding
from services.shared.lane import Lane
from services.shared.priority import Priority
from services.shared.telemetry.traceparent import trace_id

_ID: Final = re.compile("[0-9a-f]{32}")


class JobStatus(StrEnum):
    QUEUED = "queued"
    PROCESSING = "processing"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELED = "canceled"
    EXPIRED = "expired"

    @property
    def is_terminal(self) -> bool:
        return self not in (JobStatus.QUEUED, JobStatus.PROCESSING)


@dataclass(frozen=True)
class LongText:
    """A text that is not in its job's record, which is read often: it lies in the blob store under `text_key`."""

    sha256: str
    characters: int
    bytes: int


@dataclass(frozen=True)
class Speaker:
    """A voice that speaks where a mark in the text says so."""

    mark: str
    #: None: the bundled one, of which the job has a copy of its own.
    voice_id: str | None
    reference_key: str
    reference_sha256: str
    ref_text: str | None = field(repr=False)


#: What a language is told by: the request itself, its text, its stored voice, or what the model speaks.
LanguageSource = Literal["request", "text", "voice", "model"]


@dataclass(frozen=True)
class JobInput:
    """What the client asked for. The reference itself lies in the blob store under `reference_key`."""

    #: Of a long one the beginning.
    text: str = field(repr=False)
    reference_key: str
    reference_sha256: str
    #: None: the worker's transcriber finds out.
    ref_text: str | None = field(repr=False)
    speed: float
    seed: int | None
    nfe_step: int
    cfg_strength: float
    remove_silence: bool
    format: AudioFormat
    #: Hz.
    sample_rate: int = limits.SAMPLE_RATE
    #: Bits a sample, and kbit/s; None where the format has none, and in records from before they were asked for.
    bit_depth: int | None = None
    bitrate: int | None = None
    #: LUFS that the speech is brought to; None: as it was spoken.
    loudness: float | None = None
    #: Whether silence is cut off both ends.
    trim: bool = False
    #: Whether it is to be heard while it is spoken.
    stream: bool = False
    #: The stored voice that the reference is of, and stays with; None: the reference is the job's own.
    voice_id: str | None = None
    #: Whether it may have the audio of an identical job, and identical jobs may have its audio.
    cache: bool = False
    #: What there is to know of a long text; None: `text` is all there is.
    long: LongText | None = None
    #: Of a text with marks; what stands before the first is spoken by the reference above.
    speakers: tuple[Speaker, ...] = ()

    @property
    def characters(self) -> int:
        """Of the whole text. The API's view of a job takes it by its name."""
        return self.long.characters if self.long else len(self.text)

    @property
    def encoding(self) -> Encoding:
        """Raises `UnsupportedEncoding` where what was asked for does not go together."""
        return Encoding.of(self.format, self.sample_rate, self.bit_depth, self.bitrate)

    @property
    def in_chunks(self) -> bool:
        """Whether it is spoken a chunk at a time, each of which is kept."""
        return self.long is not None or bool(self.speakers)


@dataclass(frozen=True)
class JobOutput:
    """What was made: where it lies, and what it must be to be the job's."""

    key: str
    format: AudioFormat
    bytes: int
    sha256: str
    duration_seconds: float
    sample_rate: int
    seed: int
    #: kbit/s; None where the format loses nothing.
    bitrate: int | None = None
    #: As measured before it was encoded; None for silence.
    peak_dbfs: float | None = None
    loudness_lufs: float | None = None
    #: When it is deleted, as was promised when the job ended; None in records from before that was.
    expires_at: float | None = None
    #: Whether it is a copy of what was spoken for an identical job.
    cached: bool = False


@dataclass(frozen=True)
class JobFault:
    """Why a job failed, in words fit for the client. `type` is the error class's stable one."""

    type: str
    title: str
    detail: str


@dataclass(frozen=True)
class Job:
    """Times are seconds since the epoch, UTC."""

    id: str
    #: Who may see it: the API key's name, or "anonymous".
    owner: str
    input: JobInput
    created_at: float
    status: JobStatus = JobStatus.QUEUED
    #: Counts the claims; also the fencing number: only the latest attempt may commit.
    attempt: int = 0
    #: Attempts that ended badly (a fault, a lease that ran out), which are limited; being given back is no setback.
    setbacks: int = 0
    #: Bumped by the store on every change; what compare-and-set compares.
    revision: int = 0
    #: When the message was last sent; None: written but not enqueued yet, or given back.
    enqueued_at: float | None = None
    #: A released job is not enqueued again before this moment (backoff).
    not_before: float = 0.0
    lease_until: float | None = None
    worker: str | None = None
    cancel_requested: bool = False
    progress: float = 0.0
    started_at: float | None = None
    completed_at: float | None = None
    #: Seconds by stage, as measured by worker and engine.
    metrics: dict[str, float] = field(default_factory=dict)
    output: JobOutput | None = None
    fault: JobFault | None = None
    #: Who is told of the job's end. May hold the receiver's secrets.
    webhook_url: str | None = field(default=None, repr=False)
    #: The batch that it was submitted with; None: on its own.
    batch_id: str | None = None
    #: What the client calls it within its batch.
    custom_id: str | None = field(default=None, repr=False)
    priority: Priority = Priority.DEFAULT
    #: What is spoken, as a BCP 47 tag; None where nothing tells.
    language: str | None = None
    #: Who says so; None also in records from before that was asked.
    language_source: LanguageSource | None = None
    #: The request that it was submitted with, as the API's log and its answer name it.
    request_id: str | None = None
    #: That request's span, as W3C's `traceparent`; None where nothing was traced.
    traceparent: str | None = None
    #: Its owner's share of the workers against others' of the same priority, as the key said that it came with.
    weight: float = 1.0
    #: When it has to be done: from then on nobody begins it, and who speaks it stops.
    deadline_at: float | None = None
    #: The served name of the model that is to speak it; None: whichever there is.
    model: str | None = None

    @property
    def lane(self) -> Lane:
        return Lane(self.priority, self.model)

    def is_overdue(self, now: float) -> bool:
        return self.deadline_at is not None and self.deadline_at <= now

    def log_context(self) -> dict[str, object]:
        return {**self.log_ids(), "owner": self.owner, "status": str(self.status), "attempt": self.attempt}

    def log_ids(self) -> dict[str, str]:
        """What every line about the job has, whichever process says it."""
        ids = {"job_id": self.id, "request_id": self.request_id, "trace_id": trace_id(self.traceparent)}
        return {name: value for name, value in ids.items() if value is not None}


def new_id(now: float) -> str:
    """An id that cannot be guessed and sorts by time: 12 hex digits of milliseconds, 20 of chance."""
    return f"{int(now * 1000):012x}{secrets.token_hex(10)}"


def is_id(word: str) -> bool:
    """Whether it looks like one of ours."""
    return _ID.fullmatch(word) is not None


def long_text(text: str) -> tuple[LongText, bytes]:
    """What a job's record tells of it, and what is to lie beside it."""
    content = text.encode()
    return LongText(hashlib.sha256(content).hexdigest(), len(text), len(content)), content


def speaks_in(job: Job, voice_id: str) -> bool:
    """Whether a stored voice is heard in it."""
    return job.input.voice_id == voice_id or any(speaker.voice_id == voice_id for speaker in job.input.speakers)


def spoken_seconds(job: Job) -> float:
    """Of audio that was made for it: none yet, or none at all where it has a copy of another's."""
    return 0.0 if job.output is None or job.output.cached else job.output.duration_seconds
