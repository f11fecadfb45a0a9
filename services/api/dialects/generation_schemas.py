"""What the routes under `/api/v1/tts` answer: jobs, in fewer and other words."""

from datetime import datetime
from typing import Final, Literal

from pydantic import Field

from services.api.views.output import Output, moment
from services.shared.batch import Batch, BatchEntry
from services.shared.job import Job, JobStatus
from services.shared.links import result_url
from services.shared.parts import Parts

GenerationStatus = Literal["pending", "processing", "completed", "failed"]

_STATUS: Final[dict[JobStatus, GenerationStatus]] = {
    JobStatus.QUEUED: "pending",
    JobStatus.PROCESSING: "processing",
    JobStatus.SUCCEEDED: "completed",
    JobStatus.FAILED: "failed",
    JobStatus.CANCELED: "failed",
    JobStatus.EXPIRED: "failed",
}


class Generation(Output):
    tts_id: str = Field(examples=["019342a5b3c04f6e1a2b3c4d5e6f7a8b"])
    status: GenerationStatus
    progress: int = Field(description="Percent, 100 once it is completed.", examples=[50])
    audio_url: str | None = Field(description="Where the audio is, freshly signed at each read; null until it is.")
    text: str
    duration_s: float | None = Field(description="Of the audio.", examples=[2.0])
    error: str | None = Field(description="Why it failed, in words.")
    created_at: datetime
    completed_at: datetime | None


class GenerationList(Output):
    items: list[Generation]
    next_cursor: str | None = Field(description="Pass it as `cursor` for the next page; null on the last.")


class GenerationBatch(Output):
    batch_id: str = Field(description="For `GET /batches/{batch_id}`.", examples=["019342a5b3c04f6e1a2b3c4d5e6f7a8b"])
    total: int = Field(examples=[2])
    tts_ids: list[str] = Field(description="In the order in which the items were given.")


def generation_view(job: Job, parts: Parts) -> Generation:
    return Generation(
        tts_id=job.id,
        status=_STATUS[job.status],
        progress=int(job.progress * 100),
        audio_url=result_url(job, parts),
        text=job.input.text,
        duration_s=None if job.output is None else job.output.duration_seconds,
        error=_error(job),
        created_at=moment(job.created_at),
        completed_at=None if job.completed_at is None else moment(job.completed_at),
    )


def generation_batch(batch: Batch, entries: list[BatchEntry]) -> GenerationBatch:
    return GenerationBatch(batch_id=batch.id, total=batch.total, tts_ids=[entry.job_id for entry in entries])


def _error(job: Job) -> str | None:
    if job.fault is not None:
        return f"{job.fault.title}: {job.fault.detail}"
    return f"The job was {job.status}." if job.status in (JobStatus.CANCELED, JobStatus.EXPIRED) else None
