"""Long random lives of jobs, led on both job stores at once: they must never differ."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from redis import Redis

from f5_tts_core.errors import TimbreError
from services.shared import job as transitions
from services.shared.adapters.redis_jobs import RedisJobStore
from services.shared.job import Job, JobFault, JobOutput, JobStatus
from services.shared.ports import Beat, JobPage, JobStore
from services.shared.testing import START, ManualClock, MemoryJobStore, make_job

FAULT = JobFault("engine-failed", "The engine failed", "It did.")
OUTPUT = JobOutput("outputs/x/1.wav", "wav", 3, "a" * 64, 1.25, 24_000, 7)

Outcome = Job | Beat | JobPage | list[Job] | dict[JobStatus, int] | str | None


@dataclass
class Lives:
    """Makes up what happens next, from a seed."""

    chance: random.Random
    now: float = START
    #: Every version of every job that was ever read, stale ones too.
    seen: list[Job] = field(default_factory=list)

    def next(self) -> Callable[[JobStore], Outcome]:
        self.now += self.chance.choice((0.0, 0.5, 4.0))
        if not self.seen or self.chance.random() < 0.2:
            return self._add()
        job = self.chance.choice(self.seen[-12:])
        return self.chance.choice((self._change, self._change, self._change, self._beat, self._remove, self._ask))(job)

    def _add(self) -> Callable[[JobStore], Outcome]:
        job = make_job(
            id=f"{self.chance.getrandbits(128):032x}", created_at=self.now, owner=self.chance.choice(("a", "b"))
        )
        self.seen.append(job)
        return lambda store: store.add(job)

    def _change(self, job: Job) -> Callable[[JobStore], Outcome]:
        now, attempt = self.now, self.chance.choice((job.attempt, job.attempt, job.attempt + 1))
        steps: list[Callable[[], Job]] = [
            lambda: transitions.mark_enqueued(job, now),
            lambda: transitions.claim(job, "worker", now, 5.0),
            lambda: transitions.succeed(job, attempt, OUTPUT, {}, now),
            lambda: transitions.fail(job, attempt, FAULT, now),
            lambda: transitions.release(job, attempt, now),
            lambda: transitions.request_cancel(job, now),
            lambda: transitions.expire(job, now),
        ]
        step = self.chance.choice(steps)
        return lambda store: store.replace(job, step())

    def _beat(self, job: Job) -> Callable[[JobStore], Outcome]:
        lease, progress = self.now + 5.0, self.chance.random()
        return lambda store: store.beat(job.id, job.attempt, progress=progress, lease_until=lease)

    def _remove(self, job: Job) -> Callable[[JobStore], Outcome]:
        if self.chance.random() < 0.5:
            return lambda store: store.remove(job.id)
        return lambda store: store.get(job.id)

    def _ask(self, job: Job) -> Callable[[JobStore], Outcome]:
        now, status = self.now, self.chance.choice((None, *JobStatus))
        questions: list[Callable[[JobStore], Outcome]] = [
            lambda store: list(store.lapsed(now, 3)),
            lambda store: list(store.queued(3)),
            lambda store: store.counts(),
            lambda store: store.page(job.owner, limit=3, status=status),
        ]
        return self.chance.choice(questions)


def _outcome(act: Callable[[JobStore], Outcome], store: JobStore) -> Outcome:
    try:
        return act(store)
    except TimbreError as error:
        return f"{type(error).__name__}: {error}"


@pytest.mark.parametrize("seed", range(6))
def test_both_stores_tell_the_same_story(seed: int, empty_valkey: Redis) -> None:
    stores: list[JobStore] = [MemoryJobStore(ManualClock()), RedisJobStore(empty_valkey, ttl_seconds=3_600)]
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
    assert {"Job", "Beat", "JobPage", "StaleJob", "JobNotFound"} <= told
