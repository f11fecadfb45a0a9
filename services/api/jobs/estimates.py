"""Where a job stands: how many are before it, and when it may be done."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from services.shared.errors import Unavailable
from services.shared.job import Job, JobStatus
from services.shared.line import Place
from services.shared.pace import workload
from services.shared.parts import Parts
from services.shared.ports import Pace, WorkerBeat

#: For so long the same throughput is good for all who ask.
_FRESH_SECONDS: Final = 1.0


@dataclass(frozen=True)
class Standing:
    #: Queued jobs before it, of all callers; None where it is not queued.
    queue_position: int | None = None
    #: Seconds until its end; None where nobody can tell.
    eta_s: float | None = None


UNKNOWN: Final = Standing()


@dataclass(frozen=True)
class Throughput:
    """What the platform does at a time, and how fast: of all models together."""

    pace: Pace | None
    workers: Sequence[WorkerBeat]
    processing: int
    queued: int

    def drain_seconds(self) -> float | None:
        """In which all that is queued would be done; None where nobody can tell."""
        slots = self._slots(None)
        return None if self.pace is None or not slots else self.queued * self.pace.seconds / slots

    def standing(self, job: Job, position: int | None) -> Standing:
        """Of those for the same model: `position` are before it, and as many processed as its workers have slots."""
        slots = self._slots(job.model)
        if self.pace is None or not slots or (position is None and job.status is JobStatus.QUEUED):
            return Standing(position)
        own = workload(job.input) * self.pace.seconds / self.pace.workload
        if position is None:
            return Standing(None, round(own * (1.0 - job.progress), 1))
        # It starts once so many have ended that one slot is left for it; each slot ends one in `pace.seconds`.
        ends = max(0, position + 1 + min(self.processing, slots) - slots)
        return Standing(position, round(ends * self.pace.seconds / slots + own, 1))

    def _slots(self, model: str | None) -> int:
        return sum(worker.slots for worker in self.workers if worker.serves(model))


class Estimator:
    """Blocking, thread-safe. What cannot be known, as while the store is away, is None: no answer fails for it."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._throughput = Throughput(None, (), 0, 0)
        self._stale_at = float("-inf")

    def standing(self, job: Job) -> Standing:
        return self.standings([job])[0]

    def standing_at(self, job: Job, place: Place | None) -> Standing:
        """Of a job whose place is known, so that nobody is asked for it."""
        if place is None or job.status.is_terminal:
            return UNKNOWN
        try:
            return self._measured().standing(job, place.before)
        except Unavailable:
            return Standing(place.before)

    def standings(self, jobs: Sequence[Job]) -> Sequence[Standing]:
        """One round trip for all of them, and two a second for the throughput."""
        if all(job.status.is_terminal for job in jobs):
            return [UNKNOWN] * len(jobs)
        try:
            positions = self._positions(jobs)
            throughput = self._measured()
        except Unavailable:
            return [UNKNOWN] * len(jobs)
        return [UNKNOWN if job.status.is_terminal else throughput.standing(job, positions.get(job.id)) for job in jobs]

    def drain_seconds(self) -> float | None:
        """In which all that is queued would be done; None where nobody can tell. Raises `Unavailable`."""
        return self._measured().drain_seconds()

    def _positions(self, jobs: Sequence[Job]) -> dict[str, int | None]:
        queued = [job.id for job in jobs if job.status is JobStatus.QUEUED]
        return dict(zip(queued, self._parts.jobs.positions(queued), strict=True)) if queued else {}

    def _measured(self) -> Throughput:
        now = self._parts.clock()
        if now >= self._stale_at:
            workers = self._parts.workers.ready()
            counts = self._parts.jobs.counts()
            self._throughput = Throughput(
                self._parts.pace.pace(), workers, counts[JobStatus.PROCESSING], counts[JobStatus.QUEUED]
            )
            self._stale_at = now + _FRESH_SECONDS
        return self._throughput
