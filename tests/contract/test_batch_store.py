"""What every `BatchStore` must do, beside the `JobStore` whose writes it counts."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest
from redis import Redis

from services.shared.adapters.redis_batches import RedisBatchStore
from services.shared.adapters.redis_jobs import RedisJobStore
from services.shared.batch import Batch, new_batch
from services.shared.errors import BatchNotFound, JobNotFound, JobStoreUnavailable, TooManyJobs
from services.shared.job import Job, JobFault, JobOutput, JobStatus, new_id, transitions
from services.shared.ports import BatchStore, JobStore
from services.shared.testing import START, ManualClock, MemoryJobStore, make_job
from services.shared.testing.batches import MemoryBatchStore

TTL = 3_600
FAULT = JobFault("engine-failed", "The engine failed", "It did.")


@dataclass(frozen=True)
class Harness:
    jobs: JobStore
    batches: BatchStore
    #: Whether a batch is kept for a lifetime now.
    mortal: Callable[[str], bool]
    #: What the end of the lifetime does to a batch.
    vanish: Callable[[str], None]
    #: The same port on a server that does not answer.
    down: Callable[[], BatchStore]


@pytest.fixture(params=["memory", "redis"])
def harness(request: pytest.FixtureRequest) -> Iterator[Harness]:
    if request.param == "memory":
        clock = ManualClock()
        jobs = MemoryJobStore(clock, ttl_seconds=10 * TTL)
        memory = MemoryBatchStore(jobs, clock, ttl_seconds=TTL)
        yield Harness(
            jobs,
            memory,
            lambda batch_id: memory._kept[batch_id].gone_at == clock() + TTL,
            lambda _: _pass(clock),
            lambda: _switch_off(jobs, memory),
        )
    else:
        client: Redis = request.getfixturevalue("empty_valkey")
        yield Harness(
            RedisJobStore(client, ttl_seconds=TTL),
            RedisBatchStore(client),
            lambda batch_id: all(client.ttl(key) == TTL for key in _keys(batch_id)),
            lambda batch_id: _delete(client, batch_id),
            lambda: RedisBatchStore(Redis(port=1, decode_responses=True, retry=None)),
        )


def _pass(clock: ManualClock) -> None:
    clock.advance(TTL + 1)


def _switch_off(jobs: MemoryJobStore, memory: MemoryBatchStore) -> BatchStore:
    jobs.down = True
    return memory


def _keys(batch_id: str) -> list[str]:
    return [f"timbre:{{jobs}}:{kind}:{batch_id}" for kind in ("batch", "batch-jobs")]


def _delete(client: Redis, batch_id: str) -> None:
    assert client.delete(*_keys(batch_id)) == 2


def _added(
    harness: Harness, names: Sequence[str | None], *, owner: str = "anonymous", at: float = START, limit: int = 0
) -> Batch:
    batch = new_batch(new_id(at), owner, at, len(names))
    ids = sorted(new_id(at) for _ in names)
    jobs = [
        make_job(id=job_id, created_at=at, owner=owner, batch_id=batch.id, custom_id=name)
        for job_id, name in zip(ids, names, strict=True)
    ]
    harness.batches.add(batch, jobs, limit=limit)
    return batch


def test_no_more_jobs_are_under_way_than_the_limit(harness: Harness) -> None:
    """All of a batch, or nothing of it: neither its record nor one of its jobs."""
    _added(harness, ["a", "b"])
    _added(harness, ["a", "b"], owner="another")
    with pytest.raises(TooManyJobs, match="2 more jobs"):
        _added(harness, ["c", "d"], limit=3)
    assert harness.jobs.usage("anonymous", START).jobs == 2
    assert len(harness.batches.page("anonymous", limit=10).batches) == 1
    batch = _added(harness, ["c"], limit=3)
    harness.batches.add(batch, _jobs(harness, batch), limit=1)  # the first answer may have been lost on the way
    with pytest.raises(TooManyJobs):
        harness.jobs.add(make_job(), limit=3)


def _jobs(harness: Harness, batch: Batch) -> list[Job]:
    return [entry.job for entry in harness.batches.entries(batch.id, 0, 100) if entry.job is not None]


def _claim(harness: Harness, job: Job) -> Job:
    return harness.jobs.replace(job, transitions.claim(job, "worker-1", START, 10.0))


def _fail(harness: Harness, job: Job, at: float) -> Job:
    running = _claim(harness, job)
    return harness.jobs.replace(running, transitions.fail(running, running.attempt, FAULT, at))


def _succeed(harness: Harness, job: Job, at: float) -> Job:
    running = _claim(harness, job)
    output = JobOutput("outputs/x", "wav", 1, "0" * 64, 1.0, 24_000, 7)
    return harness.jobs.replace(running, transitions.succeed(running, running.attempt, output, {}, at))


def _counts(harness: Harness, batch: Batch) -> dict[str, int]:
    counts = harness.batches.get(batch.id).counts
    assert list(counts) == list(JobStatus)
    return {str(status): count for status, count in counts.items() if count}


# --- records ------------------------------------------------------------------------------------


def test_a_batch_is_stored_with_all_of_its_jobs(harness: Harness) -> None:
    batch = _added(harness, ["ch 1: Grüße", None, "你好"], owner="alice")
    assert harness.batches.get(batch.id) == batch
    assert (batch.total, batch.is_over, batch.status) == (3, False, "queued")
    entries = harness.batches.entries(batch.id, 0, 100)
    assert [entry.custom_id for entry in entries] == ["ch 1: Grüße", None, "你好"]
    assert [entry.job_id for entry in entries] == [entry.job.id for entry in entries if entry.job]
    assert [job.id for job in harness.jobs.queued(10)] == [entry.job_id for entry in entries]
    assert all(entry.job == harness.jobs.get(entry.job_id) for entry in entries)


def test_entries_come_in_pages(harness: Harness) -> None:
    batch = _added(harness, list("abcde"))
    names = [[one.custom_id for one in harness.batches.entries(batch.id, start, 2)] for start in (0, 2, 4, 6)]
    assert names == [["a", "b"], ["c", "d"], ["e"], []]


def test_the_same_batch_once_more_is_no_conflict(harness: Harness) -> None:
    batch = _added(harness, ["a", "b"])
    jobs = _jobs(harness, batch)
    running = _claim(harness, jobs[0])
    harness.batches.add(batch, jobs)
    assert _counts(harness, batch) == {"queued": 1, "processing": 1}
    assert harness.jobs.get(running.id) == running
    assert len(harness.batches.entries(batch.id, 0, 100)) == 2


def test_an_unknown_batch(harness: Harness) -> None:
    ghost = new_id(START)
    for call in (harness.batches.get, harness.batches.remove, harness.batches.request_cancel):
        with pytest.raises(BatchNotFound):
            call(ghost)
    assert list(harness.batches.entries(ghost, 0, 10)) == []


def test_a_store_that_does_not_answer(harness: Harness) -> None:
    down = harness.down()
    batch = new_batch(new_id(START), "anonymous", START, 1)
    for call in (
        lambda: down.add(batch, [make_job()]),
        lambda: down.get(batch.id),
        lambda: down.entries(batch.id, 0, 1),
        lambda: down.request_cancel(batch.id),
        lambda: down.remove(batch.id),
        lambda: down.page("anonymous", limit=1),
    ):
        with pytest.raises(JobStoreUnavailable):
            call()


def test_a_server_that_takes_no_more_writes_has_all_of_it_or_nothing(empty_valkey: Redis) -> None:
    jobs, batches = RedisJobStore(empty_valkey, ttl_seconds=TTL), RedisBatchStore(empty_valkey)
    batch = new_batch(new_id(START), "anonymous", START, 3)
    limit = empty_valkey.config_get("maxmemory")["maxmemory"]
    empty_valkey.config_set("maxmemory", 1)
    try:
        with pytest.raises(JobStoreUnavailable):
            batches.add(batch, [make_job(batch_id=batch.id) for _ in range(3)])
    finally:
        empty_valkey.config_set("maxmemory", limit)
    with pytest.raises(BatchNotFound):
        batches.get(batch.id)
    assert list(jobs.queued(10)) == []


# --- counts -------------------------------------------------------------------------------------


def test_counts_follow_the_jobs(harness: Harness) -> None:
    batch = _added(harness, list("abcd"))
    one, two, three, four = _jobs(harness, batch)
    _succeed(harness, one, START + 1)
    _fail(harness, two, START + 3)
    running = _claim(harness, three)
    assert _counts(harness, batch) == {"queued": 1, "processing": 1, "succeeded": 1, "failed": 1}
    assert harness.batches.get(batch.id).status == "processing"
    harness.jobs.replace(running, transitions.release(running, running.attempt, START))
    harness.jobs.replace(four, transitions.expire(four, START + 5))
    assert _counts(harness, batch) == {"queued": 1, "succeeded": 1, "failed": 1, "expired": 1}
    three = harness.jobs.get(three.id)
    harness.jobs.replace(three, transitions.request_cancel(three, START + 7))
    done = harness.batches.get(batch.id)
    assert (done.is_over, done.status, done.ended_at, done.total) == (True, "completed", START + 7, 4)


def test_an_end_stored_twice_counts_once(harness: Harness) -> None:
    batch = _added(harness, ["a", "b"])
    queued = _jobs(harness, batch)[0]
    ended = transitions.request_cancel(queued, START)
    harness.jobs.replace(queued, ended)
    harness.jobs.replace(queued, ended)
    assert _counts(harness, batch) == {"queued": 1, "canceled": 1}


def test_a_job_that_is_removed_counts_as_it_ended_or_as_canceled(harness: Harness) -> None:
    batch = _added(harness, list("abc"))
    one, two, three = _jobs(harness, batch)
    _fail(harness, one, START + 1)
    _claim(harness, two)
    for job in (one, two, three):
        harness.jobs.remove(job.id)
    assert _counts(harness, batch) == {"failed": 1, "canceled": 2}
    assert [entry.job for entry in harness.batches.entries(batch.id, 0, 10)] == [None, None, None]
    assert harness.batches.get(batch.id).is_over


def test_the_end_of_many_at_once_is_counted_right(harness: Harness) -> None:
    batch = _added(harness, [None] * 40)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda job: _fail(harness, job, START + 1), _jobs(harness, batch)))
    assert _counts(harness, batch) == {"failed": 40}


def test_a_batch_is_kept_until_its_jobs_have_ended_and_for_the_lifetime_from_then(harness: Harness) -> None:
    batch = _added(harness, ["a", "b"])
    one, two = _jobs(harness, batch)
    _fail(harness, one, START + 1)
    assert not harness.mortal(batch.id)
    harness.jobs.remove(two.id)
    assert harness.mortal(batch.id)
    harness.vanish(batch.id)
    with pytest.raises(BatchNotFound):
        harness.batches.get(batch.id)
    assert list(harness.batches.page("anonymous", limit=10).batches) == []


# --- canceling and removing ---------------------------------------------------------------------


def test_a_request_to_cancel_is_kept_and_told_at_the_end(harness: Harness) -> None:
    batch = _added(harness, ["a"])
    harness.batches.request_cancel(batch.id)
    harness.batches.request_cancel(batch.id)
    asked = harness.batches.get(batch.id)
    assert (asked.cancel_requested, asked.status) == (True, "queued")
    _fail(harness, _jobs(harness, batch)[0], START + 1)
    assert harness.batches.get(batch.id).status == "canceled"


def test_removing_a_batch_leaves_its_jobs(harness: Harness) -> None:
    batch = _added(harness, ["a"])
    job = _jobs(harness, batch)[0]
    harness.batches.remove(batch.id)
    with pytest.raises(BatchNotFound):
        harness.batches.get(batch.id)
    assert list(harness.batches.page("anonymous", limit=10).batches) == []
    _fail(harness, job, START + 1)
    with pytest.raises(BatchNotFound):
        harness.batches.get(batch.id)
    harness.jobs.remove(job.id)
    with pytest.raises(JobNotFound):
        harness.jobs.get(job.id)


# --- listing ------------------------------------------------------------------------------------


def test_an_owner_lists_its_own_newest_first(harness: Harness) -> None:
    mine = [_added(harness, ["a"], owner="alice", at=START + number) for number in range(5)]
    _added(harness, ["a"], owner="bob", at=START)
    page = harness.batches.page("alice", limit=2)
    found = list(page.batches)
    while page.next_cursor:
        page = harness.batches.page("alice", limit=2, cursor=page.next_cursor)
        found += page.batches
    assert found == mine[::-1]


def test_a_cursor_that_is_not_ours(harness: Harness) -> None:
    with pytest.raises(ValueError, match="cursor"):
        harness.batches.page("anonymous", limit=2, cursor="bm90IG91cnM")
