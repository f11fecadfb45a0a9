"""What a webhook says. Names are those of `GET /jobs/{id}`; what the client sent is left out."""

from datetime import UTC, datetime

from pydantic import BaseModel, ConfigDict, Field

from services.shared.batch import Batch, BatchStatus
from services.shared.job import Job, JobStatus
from services.shared.links import problem_path, result_url
from services.shared.parts import Parts
from services.shared.webhook import Subject, end_of


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True)


class EndedOutput(_Part):
    format: str = Field(examples=["wav"])
    bytes: int = Field(examples=[96_044])
    sha256: str
    duration_s: float = Field(examples=[2.0])


class EndedError(_Part):
    type: str = Field(examples=["/problems/transcription-failed"])
    title: str = Field(examples=["The reference could not be transcribed"])
    detail: str = Field(examples=["No words were recognised in the reference."])


class EndedJob(_Part):
    job_id: str = Field(examples=["019342a5b3c04f6e1a2b3c4d5e6f7a8b"])
    status: JobStatus = Field(examples=["succeeded"])
    result_url: str | None = Field(description="Where the audio is, signed for this very try; null without audio.")
    created_at: datetime
    completed_at: datetime
    model: str | None = Field(
        description="Which model spoke it, or was to; null where there were none to choose from then, and are now.",
        examples=["F5TTS_v1_Base"],
    )
    output: EndedOutput | None
    error: EndedError | None


class WebhookEvent(_Part):
    """The body of a job's webhook."""

    type: str = Field(description="`job.` and how the job ended.", examples=["job.succeeded"])
    timestamp: datetime = Field(description="When the job ended.")
    data: EndedJob


class EndedCounts(_Part):
    """How many of the batch's jobs ended how. One that was deleted counts as it ended, or as canceled."""

    succeeded: int = Field(examples=[9])
    failed: int = Field(examples=[1])
    canceled: int = Field(examples=[0])
    expired: int = Field(examples=[0])
    total: int = Field(examples=[10])


class EndedBatch(_Part):
    batch_id: str = Field(examples=["019342a5b3c04f6e1a2b3c4d5e6f7a8b"])
    status: BatchStatus = Field(description="`completed`, or `canceled` where that was asked for.")
    counts: EndedCounts
    created_at: datetime
    completed_at: datetime


class BatchWebhookEvent(_Part):
    """The body of a batch's webhook."""

    type: str = Field(description="`batch.` and the batch's status.", examples=["batch.completed"])
    timestamp: datetime = Field(description="When the last of its jobs ended.")
    data: EndedBatch


def event_of(subject: Subject, parts: Parts) -> WebhookEvent | BatchWebhookEvent:
    """What is told of a job or batch that has ended."""
    return _job_event(subject, parts) if isinstance(subject, Job) else _batch_event(subject)


def _batch_event(batch: Batch) -> BatchWebhookEvent:
    ended_at = _moment(end_of(batch) or batch.created_at)
    counts = EndedCounts.model_validate({**batch.counts, "total": batch.total})
    created_at = _moment(batch.created_at)
    data = EndedBatch(
        batch_id=batch.id, status=batch.status, counts=counts, created_at=created_at, completed_at=ended_at
    )
    return BatchWebhookEvent(type=f"batch.{batch.status}", timestamp=ended_at, data=data)


def _job_event(job: Job, parts: Parts) -> WebhookEvent:
    ended_at = _moment(job.completed_at or job.created_at)
    data = EndedJob(
        job_id=job.id,
        status=job.status,
        result_url=result_url(job, parts),
        created_at=_moment(job.created_at),
        completed_at=ended_at,
        model=parts.settings.speaks(job.model),
        output=_output(job),
        error=_error(job),
    )
    return WebhookEvent(type=f"job.{job.status}", timestamp=ended_at, data=data)


def _output(job: Job) -> EndedOutput | None:
    made = job.output
    if made is None:
        return None
    return EndedOutput(format=made.format, bytes=made.bytes, sha256=made.sha256, duration_s=made.duration_seconds)


def _error(job: Job) -> EndedError | None:
    if job.fault is None:
        return None
    return EndedError(type=problem_path(job.fault.type), title=job.fault.title, detail=job.fault.detail)


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
