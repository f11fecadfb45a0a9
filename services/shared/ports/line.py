"""The line in front of the queue."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from services.shared.job import Job
from services.shared.lane import Lane
from services.shared.line import Admitted, Backlog, Repaired


class JobLine(Protocol):
    """Queued jobs on their way to workers: each lane has a line, in which owners take turns by their weights.

    Which jobs stand in it follows from their records alone: the writes of `JobStore` and `BatchStore` move them, so
    that no place is lost, or kept, when a process dies. May raise `JobStoreUnavailable`.
    """

    def admit(self, now: float, lead: int) -> Sequence[Admitted]:
        """Take those out of line whose turn it is, as sent at `now`: of each lane until `lead` wait for a worker.

        In one step, so that each is given to one caller, who sends their messages in this order.
        """
        ...

    def sent(self, before: float) -> Sequence[Job]:
        """Queued jobs whose message was sent before then, of each lane the longest ago first."""
        ...

    def repair(self, now: float, start: int, limit: int) -> Repaired:
        """Put back into line those that stand nowhere, of `limit` queued jobs after the `start` oldest.

        There are none, but those of an older release, or of a hand in the database.
        """
        ...

    def backlog(self, owner: str) -> Backlog: ...

    def lanes(self) -> Sequence[Lane]:
        """Where jobs may be queued, the most urgent first: for whichever model, and for those that jobs named."""
        ...

    def backlog_by_lane(self) -> Mapping[Lane, int]:
        """Milliseconds of audio that the queued jobs of each lane are going to be, estimated from their texts."""
        ...
