"""The line of queued jobs, in memory."""

from collections.abc import Mapping, Sequence

from services.shared.job import Job
from services.shared.lane import Lane
from services.shared.line import Admitted, Backlog, Repaired
from services.shared.testing.jobs import MemoryJobStore


class MemoryJobLine:
    """`JobLine` beside a `MemoryJobStore`, away when that is."""

    def __init__(self, jobs: MemoryJobStore) -> None:
        self._jobs = jobs

    def admit(self, now: float, lead: int) -> Sequence[Admitted]:
        return [Admitted(job.id, job.lane, job.traceparent) for job in self._jobs.admit(now, lead)]

    def sent(self, before: float) -> Sequence[Job]:
        self._jobs.ping()
        return self._jobs.lines.sent(before)

    def repair(self, now: float, start: int, limit: int) -> Repaired:
        """Nothing is ever lost here."""
        looked_at = len(self._jobs.queued(start + limit))
        return Repaired(0, start + limit if looked_at == start + limit else 0)

    def backlog(self, owner: str) -> Backlog:
        self._jobs.ping()
        return self._jobs.lines.backlog(owner)

    def lanes(self) -> Sequence[Lane]:
        self._jobs.ping()
        return self._jobs.lines.lanes()

    def backlog_by_lane(self) -> Mapping[Lane, int]:
        self._jobs.ping()
        return self._jobs.lines.backlog_by_lane()
