"""A batch: many texts that were queued at once."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from timbre_client.job import JobFault, JobStatus, JobWebhook

BatchStatus = Literal["queued", "processing", "completed", "canceled"]


@dataclass(frozen=True, kw_only=True)
class BatchCounts:
    """How many of its jobs stand where."""

    queued: int
    processing: int
    succeeded: int
    failed: int
    canceled: int
    expired: int
    total: int


@dataclass(frozen=True, kw_only=True)
class Batch:
    """One reading of a batch."""

    batch_id: str
    #: `completed` once all jobs have ended, however they did; `canceled` where that was asked for before.
    status: BatchStatus
    counts: BatchCounts
    cancel_requested: bool = False
    created_at: datetime
    completed_at: datetime | None = None
    #: Of `batch_webhook_url`, where that was given.
    webhook: JobWebhook | None = None
    #: The server's whole answer.
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @property
    def is_over(self) -> bool:
        """Whether all of its jobs have ended."""
        return self.completed_at is not None


@dataclass(frozen=True, kw_only=True)
class BatchResult:
    """What became of one item."""

    #: What you called it.
    custom_id: str | None = None
    job_id: str
    #: None where the job was deleted, or its time is over.
    status: JobStatus | None = None
    #: Where the audio is; `jobs.audio` takes a fresh one.
    result_url: str | None = field(default=None, repr=False)
    #: Which model speaks it.
    model: str | None = None
    error: JobFault | None = None


def batch_id_of(batch: Batch | str) -> str:
    return batch.batch_id if isinstance(batch, Batch) else batch
