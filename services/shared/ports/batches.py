"""Batches of jobs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from services.shared.batch import Batch, BatchEntry
from services.shared.job import Job


@dataclass(frozen=True)
class BatchPage:
    batches: Sequence[Batch]
    #: Opaque; None on the last page.
    next_cursor: str | None


class BatchStore(Protocol):
    """Batches of jobs. May raise `JobStoreUnavailable`.

    A batch's counts follow every write to its jobs by whichever `JobStore` on the same server. It lives as long as
    a job that ended when the last of its own did.
    """

    def add(self, batch: Batch, jobs: Sequence[Job], *, limit: int = 0, room_seconds: float = 0.0) -> None:
        """Store the batch and all of its queued jobs, or nothing. The same once more is no conflict.

        Raises `TooManyJobs` where more than `limit` of the owner's jobs would be under way, and `QueueFull` where
        queued jobs would be more than `room_seconds` of audio, as `Backlog.has_room` has it; 0 is no limit.
        """
        ...

    def get(self, batch_id: str) -> Batch:
        """Raises `BatchNotFound`."""
        ...

    def entries(self, batch_id: str, start: int, limit: int) -> Sequence[BatchEntry]:
        """What became of its jobs, in the order they were given in, from number `start` (0 the first) on."""
        ...

    def request_cancel(self, batch_id: str) -> None:
        """Note that it was asked for; its jobs are canceled one by one. Raises `BatchNotFound`."""
        ...

    def remove(self, batch_id: str) -> None:
        """The batch alone, not its jobs. Raises `BatchNotFound`."""
        ...

    def page(self, owner: str, *, limit: int, cursor: str | None = None) -> BatchPage:
        """An owner's batches, newest first. Raises `ValueError` on a cursor that is not one of ours."""
        ...
