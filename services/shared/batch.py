"""A batch: many jobs of one request, and what became of them so far. Frozen, as jobs are."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from services.shared.job import Job, JobStatus

BatchStatus = Literal["queued", "processing", "completed", "canceled"]


@dataclass(frozen=True)
class Batch:
    """Times are seconds since the epoch, UTC."""

    id: str
    #: Who may see it: the owner of all its jobs.
    owner: str
    created_at: float
    #: How many of its jobs stand where; those that are deleted count as they ended, or as canceled.
    counts: Mapping[JobStatus, int]
    cancel_requested: bool = False
    #: When the latest of its jobs to end did so.
    ended_at: float | None = None
    #: Who is told once when the last of its jobs has ended. May hold the receiver's secrets.
    webhook_url: str | None = field(default=None, repr=False)

    def log_ids(self) -> dict[str, str]:
        return {"batch_id": self.id}

    @property
    def total(self) -> int:
        return sum(self.counts.values())

    @property
    def is_over(self) -> bool:
        return not (self.counts[JobStatus.QUEUED] or self.counts[JobStatus.PROCESSING])

    @property
    def status(self) -> BatchStatus:
        if self.is_over:
            return "canceled" if self.cancel_requested else "completed"
        return "queued" if self.counts[JobStatus.QUEUED] == self.total else "processing"


@dataclass(frozen=True)
class BatchEntry:
    job_id: str
    custom_id: str | None = field(repr=False)
    #: None: its record is gone.
    job: Job | None


def new_batch(batch_id: str, owner: str, now: float, total: int, webhook_url: str | None = None) -> Batch:
    """A batch none of whose jobs was begun."""
    counts = {**dict.fromkeys(JobStatus, 0), JobStatus.QUEUED: total}
    return Batch(batch_id, owner, now, counts, webhook_url=webhook_url)
