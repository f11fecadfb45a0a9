"""Long random lives of jobs, led on both job stores at once: they must never differ."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from redis import Redis

from f5_tts_core.errors import TimbreError
from services.shared.adapters.redis_jobs import RedisJobStore
from services.shared.adapters.redis_line import RedisJobLine
from services.shared.job import Job, JobFault, JobOutput, JobStatus, transitions
from services.shared.lane import Lane
from services.shared.line import Admitted, Backlog
from services.shared.ports import Beat, JobLine, JobPage, JobStore
from services.shared.priority import PRIORITIES
from services.shared.testing import START, ManualClock, MemoryJobStore, make_job
from services.shared.testing.line import MemoryJobLine

FAULT = JobFault("engine-failed", "The engine failed", "It did.")
OUTPUT = JobOutput("outputs/x/1.wav", "wav", 3, "a" * 64, 1.25, 24_000, 7)

Outcome = (
    Job
    | Beat
    | JobPage
    | Backlog
    | list[Job]
    | list[Admitted]
    | list[int | None]
    | dict[JobStatus, int]
    | dict[Lane, int]
    | int
    | str
    | None
)
Act = Callable[["Stores"], Outcome]


@dataclass(frozen=True)
class Stores:
    jobs: JobStore
    line: JobLine


@dataclass
class Lives:
    """Makes up what happens next, from a seed."""

    chance: random.Random
    now: float = START
    #: Every version of every job that was ever read, stale ones too.
    seen: list[Job] = field(default_factory=list)

    def next(self) -> Act:
        self.now += self.chance.choice((0.0, 0.5, 4.0))
        if not self.seen or self.chance.random() < 0.2:
            return self._add()
        job = self.chance.choice(self.seen[-12:])
        return self.chance.choice((self._change, self._change, self._change, self._beat, self._remove, self._ask))(job)

    def _add(self) -> Act:
        job = make_job(
            id=f"{self.chance.getrandbits(128):032x}",
            created_at=self.now,
            owner=self.chance.choice(("a", "b")),
            priority=self.chance.choice(PRIORITIES),
            model=self.chance.choice((None, "base", "tuned")),
            weight=self.chance.choice((0.3, 1.0, 2.5)),
            deadline_at=self.chance.choice((None, self.now + 20.0)),
        )
        self.seen.append(job)
        room = self.chance.choice((0.0, 60.0))
        return lambda store: store.jobs.add(job, room_seconds=room)

    def _change(self, job: Job) -> Act:
        now, attempt = self.now, self.chance.choice((job.attempt, job.attempt, job.attempt + 1))
        steps: list[Callable[[], Job]] = [
            lambda: transitions.mark_enqueued(job, now),
            lambda: transitions.mark_unsent(job),
            lambda: transitions.claim(job, "worker", now, 5.0),
            lambda: transitions.succeed(job, attempt, OUTPUT, {}, now),
            lambda: transitions.fail(job, attempt, FAULT, now),
            lambda: transitions.release(job, attempt, now + 3.0),
            lambda: transitions.request_cancel(job, now),
            lambda: transitions.expire(job, now),
        ]
        step = self.chance.choice(steps)
        return lambda store: store.jobs.replace(job, step())

    def _beat(self, job: Job) -> Act:
        lease, progress = self.now + 5.0, self.chance.random()
        return lambda store: store.jobs.beat(job.id, job.attempt, progress=progress, lease_until=lease)

    def _remove(self, job: Job) -> Act:
        if self.chance.random() < 0.5:
            return lambda store: store.jobs.remove(job.id)
        return lambda store: store.jobs.get(job.id)

    def _ask(self, job: Job) -> Act:
        now, status, ids = self.now, self.chance.choice((None, *JobStatus)), [one.id for one in self.seen[-6:]]
        start = self.chance.randrange(6)
        questions: list[Act] = [
            lambda store: list(store.line.admit(now, 3)),
            lambda store: list(store.line.admit(now, 3)),
            lambda store: list(store.line.sent(now)),
            lambda store: store.line.backlog(job.owner),
            lambda store: {lane: ms for lane, ms in store.line.backlog_by_lane().items() if ms},
            lambda store: store.line.repair(now, start, 3),
            lambda store: list(store.jobs.positions(ids)),
            lambda store: list(store.jobs.overdue(now, 3)),
            lambda store: list(store.jobs.lapsed(now, 3)),
            lambda store: list(store.jobs.queued(3)),
            lambda store: store.jobs.counts(),
            lambda store: store.jobs.page(job.owner, limit=3, status=status),
        ]
        return self.chance.choice(questions)


def _outcome(act: Act, store: Stores) -> Outcome:
    try:
        return act(store)
    except TimbreError as error:
        return f"{type(error).__name__}: {error}"


@pytest.mark.parametrize("seed", range(6))
def test_both_stores_tell_the_same_story(seed: int, empty_valkey: Redis) -> None:
    memory = MemoryJobStore(ManualClock())
    stores = [
        Stores(memory, MemoryJobLine(memory)),
        Stores(RedisJobStore(empty_valkey, ttl_seconds=3_600), RedisJobLine(empty_valkey)),
    ]
    lives = Lives(random.Random(seed))
    told: set[str] = set()
    for _ in range(400):
        act = lives.next()
        in_memory, on_redis = (_outcome(act, store) for store in stores)
        assert in_memory == on_redis
        if isinstance(on_redis, Job):
            lives.seen.append(on_redis)
        told.add(type(on_redis).__name__ if not isinstance(on_redis, str) else on_redis.partition(":")[0])
    # Guards the test itself: a life without conflicts would show nothing.
    assert {"Job", "Beat", "JobPage", "StaleJob", "JobNotFound", "Backlog"} <= told
