"""Where queued jobs stand, in memory: what `redis_line_scripts` does in Lua."""

from collections import defaultdict
from collections.abc import Iterable

from services.shared.job import Job, JobStatus
from services.shared.lane import Lane, lanes_of
from services.shared.line import Backlog, Place, audio_ms, turn


class Lines:
    """Follows every change of a job. Guarded by the lock of the store that it is part of."""

    def __init__(self) -> None:
        self._waiting: dict[str, Job] = {}
        self._resting: dict[str, Job] = {}
        self._sent: dict[str, Job] = {}
        #: Where each job's turn starts; kept, so that what is given back is before what came later.
        self._tags: dict[str, float] = {}
        #: Where the turn ends of an owner's last job.
        self._ends: dict[tuple[Lane, str], float] = {}
        self._clocks: defaultdict[Lane, float] = defaultdict(float)

    def move(self, was: Job | None, now: Job | None) -> None:
        if was is not None and was.status is JobStatus.QUEUED:
            self._leave(was, stays=now is not None and now.status is JobStatus.QUEUED)
        if now is not None and now.status is JobStatus.QUEUED:
            self._stand(now)

    def admit(self, now: float, lead: int) -> list[Job]:
        """Those whose turn it is; to be moved on by whoever asks."""
        due = [job for job in self._resting.values() if job.not_before <= now]
        for job in sorted(due, key=lambda job: (job.not_before, job.id)):
            del self._resting[job.id]
            self._wait(job)
        return [job for lane in self.lanes() for job in self._next(lane, lead)]

    def sent(self, before: float) -> list[Job]:
        found = [job for job in self._sent.values() if (job.enqueued_at or 0.0) < before]
        return sorted(found, key=lambda job: (job.priority.rank, job.model or "", job.enqueued_at, job.id))

    def positions(self) -> dict[str, int]:
        """How many for the same model are before each queued job."""
        found: dict[str, int] = {}
        for model in self._models():
            found |= self._places(lanes_of([model]))
        return found

    def place_of(self, job: Job) -> Place | None:
        before = self.positions().get(job.id)
        return None if before is None else Place(before, self._sent_of(job.lane))

    def backlog(self, owner: str) -> Backlog:
        queued = self._queued()
        own = sum(audio_ms(job) for job in queued if job.owner == owner)
        return Backlog(sum(map(audio_ms, queued)), own, len({job.owner for job in queued}))

    def lanes(self) -> tuple[Lane, ...]:
        return lanes_of(self._models())

    def backlog_by_lane(self) -> dict[Lane, int]:
        return {lane: sum(audio_ms(job) for job in self._queued() if job.lane == lane) for lane in self.lanes()}

    def _models(self) -> list[str | None]:
        return [None, *sorted({job.model for job in self._queued() if job.model is not None})]

    def _places(self, lanes: Iterable[Lane]) -> dict[str, int]:
        order: list[str] = []
        resting: dict[str, int] = {}
        for lane in lanes:
            sent = (job for job in self._sent.values() if job.lane == lane)
            order += [job.id for job in sorted(sent, key=lambda job: (job.enqueued_at, job.id))]
            order += [job.id for job in self._line(lane)]
            resting |= {job.id: len(order) for job in self._resting.values() if job.lane == lane}
        return {job_id: place for place, job_id in enumerate(order)} | resting

    def _queued(self) -> list[Job]:
        return [*self._waiting.values(), *self._resting.values(), *self._sent.values()]

    def _next(self, lane: Lane, lead: int) -> list[Job]:
        admitted = self._line(lane)[: max(0, lead - self._sent_of(lane))]
        if admitted:
            clock = max(self._clocks[lane], *(self._tags[job.id] for job in admitted))
            self._clocks[lane] = clock
            self._ends = {key: end for key, end in self._ends.items() if key[0] != lane or end > clock}
        return admitted

    def _sent_of(self, lane: Lane) -> int:
        return sum(job.lane == lane for job in self._sent.values())

    def _line(self, lane: Lane) -> list[Job]:
        line = [job for job in self._waiting.values() if job.lane == lane]
        return sorted(line, key=lambda job: (self._tags[job.id], job.id))

    def _stand(self, job: Job) -> None:
        if job.enqueued_at is not None:
            self._sent[job.id] = job
        elif job.not_before:
            self._resting[job.id] = job
        else:
            self._wait(job)

    def _wait(self, job: Job) -> None:
        if job.id not in self._tags:
            key = (job.lane, job.owner)
            self._tags[job.id] = max(self._clocks[job.lane], self._ends.get(key, 0.0))
            self._ends[key] = self._tags[job.id] + turn(job)
        self._waiting[job.id] = job

    def _leave(self, job: Job, *, stays: bool) -> None:
        self._sent.pop(job.id, None)
        self._resting.pop(job.id, None)
        waited, key = self._waiting.pop(job.id, None), (job.lane, job.owner)
        if waited and not stays and key in self._ends:
            self._ends[key] -= turn(job)
