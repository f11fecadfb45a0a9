"""What the API answers. No field has a default: what is not there is `null`, never left out by accident."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from f5_tts_core.formats import AudioFormat
from services.api.problems import problem_path
from services.shared.job import Job, JobStatus
from services.shared.parts import Parts


class Output(BaseModel):
    """Base of all answers."""

    model_config = ConfigDict(frozen=True)


class JobInputView(Output):
    text: str
    voice_id: str | None
    ref_text: str | None
    reference_sha256: str
    speed: float
    seed: int | None
    nfe_step: int
    cfg_strength: float
    remove_silence: bool
    format: AudioFormat
    sample_rate: int = Field(description="Hz.")
    bit_depth: int | None = Field(description="Bits a sample; null where the format keeps none.")
    bitrate: int | None = Field(description="kbit/s; null where the format loses nothing.")
    loudness: float | None = Field(description="LUFS that was asked for.")
    trim: bool


class JobOutputView(Output):
    format: AudioFormat
    bytes: int
    sha256: str
    duration_s: float
    sample_rate: int = Field(description="Hz.")
    bitrate: int | None = Field(description="kbit/s; null where the format loses nothing.")
    peak_dbfs: float | None = Field(description="Largest sample in dB of full scale, before encoding.", examples=[-1.9])
    loudness_lufs: float | None = Field(description="Integrated loudness, before encoding.", examples=[-19.7])
    #: The seed that was used, drawn where none was given.
    seed: int
    #: When record and audio may be deleted.
    expires_at: datetime


class JobErrorView(Output):
    type: str = Field(examples=["/problems/transcription-failed"])
    title: str = Field(examples=["The reference could not be transcribed"])
    detail: str = Field(examples=["No words were recognised in the reference."])


class JobUrls(Output):
    """Paths on this service."""

    self: str = Field(examples=["/jobs/019342a5b3c04f6e1a2b3c4d5e6f7a8b"])
    cancel: str = Field(examples=["/jobs/019342a5b3c04f6e1a2b3c4d5e6f7a8b/cancel"])
    audio: str = Field(examples=["/jobs/019342a5b3c04f6e1a2b3c4d5e6f7a8b/audio"])


class JobView(Output):
    job_id: str = Field(examples=["019342a5b3c04f6e1a2b3c4d5e6f7a8b"])
    status: JobStatus
    result_url: str | None = Field(description="Where the audio is, freshly signed at each read; null until it is.")
    created_at: datetime
    started_at: datetime | None
    completed_at: datetime | None
    progress: float = Field(description="Share of the work done, 0 to 1.", examples=[0.5])
    attempts: int
    cancel_requested: bool
    input: JobInputView
    output: JobOutputView | None
    error: JobErrorView | None
    metrics: dict[str, float] = Field(description="Seconds by stage.", examples=[{"network": 1.9, "total": 2.4}])
    urls: JobUrls


class JobList(Output):
    jobs: list[JobView]
    next_cursor: str | None = Field(description="Pass it as `cursor` for the next page; null on the last.")


class Health(Output):
    status: str


class PartHealth(Output):
    name: str
    ok: bool
    latency_ms: float
    error: str | None


class Readiness(Output):
    status: str
    parts: list[PartHealth]


class WorkerView(Output):
    worker: str
    started_at: datetime
    info: dict[str, Any]


class DetailedHealth(Output):
    status: str = Field(description="`ok`; `degraded`: no worker is ready, so jobs wait; `down`: a part is away.")
    version: str
    uptime_s: float
    model: str | None
    device: str | None
    workers: list[WorkerView] | None
    queue_depth: int | None
    jobs: dict[JobStatus, int] | None
    parts: list[PartHealth]


class ProblemType(Output):
    type: str
    title: str
    status: int


class Version(Output):
    name: str
    version: str


def job_urls(job_id: str, root_path: str) -> JobUrls:
    path = f"{root_path}/jobs/{job_id}"
    return JobUrls(self=path, cancel=f"{path}/cancel", audio=f"{path}/audio")


def result_url(job: Job, parts: Parts) -> str | None:
    """Signed afresh: an answer that was kept for long must not be needed."""
    if job.output is None:
        return None
    filename = f"{job.id}.{job.output.format}"
    return parts.blobs.sign(job.output.key, expires_seconds=parts.settings.result_url_seconds, filename=filename)


def job_view(job: Job, parts: Parts, root_path: str) -> JobView:
    return JobView(
        job_id=job.id,
        status=job.status,
        result_url=result_url(job, parts),
        created_at=moment(job.created_at),
        started_at=None if job.started_at is None else moment(job.started_at),
        completed_at=None if job.completed_at is None else moment(job.completed_at),
        progress=job.progress,
        attempts=job.attempt,
        cancel_requested=job.cancel_requested,
        input=JobInputView.model_validate(job.input, from_attributes=True),
        output=_output_view(job, parts.settings.job_ttl_seconds),
        error=_error_view(job),
        metrics=dict(job.metrics),
        urls=job_urls(job.id, root_path),
    )


def _output_view(job: Job, ttl_seconds: float) -> JobOutputView | None:
    if job.output is None:
        return None
    return JobOutputView(
        format=job.output.format,
        bytes=job.output.bytes,
        sha256=job.output.sha256,
        duration_s=job.output.duration_seconds,
        sample_rate=job.output.sample_rate,
        bitrate=job.output.bitrate,
        peak_dbfs=job.output.peak_dbfs,
        loudness_lufs=job.output.loudness_lufs,
        seed=job.output.seed,
        expires_at=moment((job.completed_at or job.created_at) + ttl_seconds),
    )


def _error_view(job: Job) -> JobErrorView | None:
    if job.fault is None:
        return None
    return JobErrorView(type=problem_path(job.fault.type), title=job.fault.title, detail=job.fault.detail)


def worker_view(worker: str, started_at: float, info: Mapping[str, str | int | float]) -> WorkerView:
    return WorkerView(worker=worker, started_at=moment(started_at), info=dict(info))


def moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
