"""A job: a text to be spoken, what became of it, and where its audio is."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

JobStatus = Literal["queued", "processing", "succeeded", "failed", "canceled", "expired"]


@dataclass(frozen=True, kw_only=True)
class JobSpeaker:
    """Whom a mark in the text names."""

    mark: str
    #: None where it is the bundled voice.
    voice_id: str | None = None


@dataclass(frozen=True, kw_only=True)
class JobInput:
    """What was asked for, with the server's defaults filled in."""

    #: Of a long job's text the beginning.
    text: str = field(repr=False)
    #: Of the whole text.
    characters: int | None = None
    ref_text: str | None = field(default=None, repr=False)
    voice_id: str | None = None
    reference_sha256: str
    speed: float
    seed: int | None = None
    nfe_step: int
    cfg_strength: float
    remove_silence: bool
    format: str
    #: Hz.
    sample_rate: int | None = None
    #: Bits a sample; None where the format keeps none.
    bit_depth: int | None = None
    #: kbit/s; None where the format loses nothing.
    bitrate: int | None = None
    #: LUFS that was asked for.
    loudness: float | None = None
    trim: bool = False
    #: Whether it can be heard while it is spoken.
    stream: bool = False
    #: Whether it may share its audio with identical requests.
    cache: bool = False
    #: Of a text with marks.
    speakers: tuple[JobSpeaker, ...] = ()


@dataclass(frozen=True, kw_only=True)
class JobOutput:
    format: str
    bytes: int
    sha256: str
    duration_s: float
    #: The seed that was used, drawn where none was given.
    seed: int
    #: Hz.
    sample_rate: int
    #: kbit/s; None where the format loses nothing.
    bitrate: int | None = None
    #: Largest sample in dB of full scale, and integrated loudness, both before encoding; None for silence.
    peak_dbfs: float | None = None
    loudness_lufs: float | None = None
    #: Whether it is a copy of what was spoken for an identical request.
    cached: bool = False
    #: When the audio is deleted.
    expires_at: datetime


@dataclass(frozen=True, kw_only=True)
class JobFault:
    """Why a job failed. `type` is stable."""

    type: str
    title: str
    detail: str = ""


@dataclass(frozen=True, kw_only=True)
class JobWebhook:
    """What became of telling `url` of the end of a job, or a batch."""

    url: str = field(repr=False)
    state: Literal["waiting", "pending", "delivered", "failed"]
    attempts: int
    #: What the receiver answered last; None where it did not.
    last_status: int | None = None
    next_attempt_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class JobState:
    """What changes while a job is on its way."""

    job_id: str
    status: JobStatus
    #: Where the audio is. Signed, so for whoever holds it, and for a while only: `jobs.audio` takes a fresh one.
    result_url: str | None = field(default=None, repr=False)
    #: Share of the work done, 0 to 1.
    progress: float = 0.0
    #: Queued jobs before it; None unless it is queued.
    queue_position: int | None = None
    #: Seconds until it is done, by what jobs took lately; None where that is not known.
    eta_s: float | None = None
    error: JobFault | None = None

    @property
    def is_terminal(self) -> bool:
        return self.status not in ("queued", "processing")


@dataclass(frozen=True, kw_only=True)
class Job(JobState):
    """One reading of a job."""

    created_at: datetime
    started_at: datetime | None = None
    completed_at: datetime | None = None
    attempts: int = 0
    cancel_requested: bool = False
    priority: str = "default"
    #: Which model speaks it; None from servers that do not say.
    model: str | None = None
    #: When it has to be done, or is given up as `expired`.
    deadline_at: datetime | None = None
    input: JobInput
    output: JobOutput | None = None
    #: Seconds by stage.
    metrics: Mapping[str, float] = field(default_factory=dict)
    webhook: JobWebhook | None = None
    #: The batch that it belongs to, and what the batch's maker calls it there.
    batch_id: str | None = None
    custom_id: str | None = None
    #: What is spoken, as a BCP 47 tag, and what that was told by: `request`, `text`, `voice` or `model`.
    language: str | None = None
    language_source: str | None = None
    #: The server's whole answer.
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)


def job_id_of(job: Job | str) -> str:
    return job.job_id if isinstance(job, Job) else job
