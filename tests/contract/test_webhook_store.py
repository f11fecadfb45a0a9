"""What every `WebhookStore` must do, beside the `JobStore` that makes deliveries due."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import pytest
from redis import Redis

from services.shared.adapters.redis_batches import RedisBatchStore
from services.shared.adapters.redis_jobs import RedisJobStore
from services.shared.adapters.redis_webhooks import RedisWebhookStore
from services.shared.batch import Batch, new_batch
from services.shared.errors import BatchNotFound, JobNotFound, JobStoreUnavailable
from services.shared.job import Job, JobFault, JobStatus, new_id, transitions
from services.shared.ports import BatchStore, HeldDelivery, JobStore, WebhookStore
from services.shared.testing import START, ManualClock, MemoryJobStore, make_job
from services.shared.testing.batches import MemoryBatchStore
from services.shared.testing.webhooks import MemoryWebhookStore
from services.shared.webhook import Delivery, Try, after

TTL = 3_600
HOLD = 60.0
URL = "https://receiver.test/hook"
FAULT = JobFault("engine-failed", "The engine failed", "It did.")
HEARD = Try(at=START, seconds=0.25, status=204)
UNHEARD = Try(at=START, seconds=10.0, status=None, error="url-unreachable")


@dataclass(frozen=True)
class Harness:
    jobs: JobStore
    batches: BatchStore
    webhooks: WebhookStore
    #: What the end of its lifetime does to a record, `job:` or `batch:` and its id.
    vanish: Callable[[str], None]
    #: The same port on a server that does not answer.
    down: Callable[[], WebhookStore]


@pytest.fixture(params=["memory", "redis"])
def harness(request: pytest.FixtureRequest) -> Iterator[Harness]:
    if request.param == "memory":
        clock = ManualClock()
        jobs = MemoryJobStore(clock, ttl_seconds=TTL)
        batches = MemoryBatchStore(jobs, clock, ttl_seconds=TTL)
        webhooks = MemoryWebhookStore(jobs, batches)
        yield Harness(jobs, batches, webhooks, lambda _: _pass(clock), lambda: _switch_off(jobs, webhooks))
    else:
        client: Redis = request.getfixturevalue("empty_valkey")
        yield Harness(
            RedisJobStore(client, ttl_seconds=TTL),
            RedisBatchStore(client),
            RedisWebhookStore(client),
            lambda record: _delete(client, record),
            lambda: RedisWebhookStore(Redis(port=1, decode_responses=True, retry=None)),
        )


def _pass(clock: ManualClock) -> None:
    clock.advance(TTL + 1)


def _switch_off(jobs: MemoryJobStore, webhooks: WebhookStore) -> WebhookStore:
    jobs.down = True
    return webhooks


def _delete(client: Redis, record: str) -> None:
    assert client.delete(f"timbre:{{jobs}}:{record}") == 1


def _queued(harness: Harness, **overrides: object) -> Job:
    job = make_job(**{"webhook_url": URL} | overrides)
    harness.jobs.add(job)
    return job


def _processing(harness: Harness, **overrides: object) -> Job:
    job = _queued(harness, **overrides)
    return harness.jobs.replace(job, transitions.claim(job, "worker-1", START, 10.0))


def _ended(harness: Harness, at: float = START, **overrides: object) -> Job:
    job = _processing(harness, **overrides)
    return harness.jobs.replace(job, transitions.fail(job, job.attempt, FAULT, at))


def _take(harness: Harness, now: float = START, limit: int = 10) -> list[HeldDelivery]:
    return list(harness.webhooks.take(now, limit, hold_seconds=HOLD))


def _ids(held: list[HeldDelivery]) -> list[str]:
    return [one.subject.id for one in held]


# --- what is due ------------------------------------------------------------------------------------

ENDS: dict[str, Callable[[Harness], Job]] = {
    "failed": _ended,
    "canceled by its worker": lambda h: _end(h, _processing(h), lambda j: transitions.confirm_cancel(j, 1, START)),
    "canceled while queued": lambda h: _end(h, _queued(h), lambda j: transitions.request_cancel(j, START)),
    "expired": lambda h: _end(h, _queued(h), lambda j: transitions.expire(j, START)),
    "added when it had ended": lambda h: _queued(h, status=JobStatus.SUCCEEDED, completed_at=START),
}


def _end(harness: Harness, job: Job, end: Callable[[Job], Job]) -> Job:
    return harness.jobs.replace(job, end(job))


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
def test_the_write_that_ends_a_job_makes_its_webhook_due(harness: Harness, end: Callable[[Harness], Job]) -> None:
    job = end(harness)
    (held,) = _take(harness)
    assert held.subject == job
    assert held.delivery == Delivery(next_attempt_at=START)


def test_nothing_is_due_before_the_end(harness: Harness) -> None:
    _queued(harness)
    running = _processing(harness)
    harness.jobs.replace(running, transitions.request_cancel(running, START))
    released = _processing(harness)
    harness.jobs.replace(released, transitions.release(released, 1, START))
    assert _take(harness, now=START + 1_000) == []


def test_a_job_without_a_webhook_is_never_due(harness: Harness) -> None:
    _ended(harness, webhook_url=None)
    assert _take(harness) == []


def test_longest_due_first_and_not_before_its_time(harness: Harness) -> None:
    later, first = _ended(harness, at=START + 2), _ended(harness, at=START + 1)
    assert _take(harness, now=START) == []
    assert _ids(_take(harness, now=START + 1)) == [first.id]
    assert _ids(_take(harness, now=START + 2)) == [later.id]


def test_no_more_are_taken_than_were_asked_for(harness: Harness) -> None:
    ended = {_ended(harness).id for _ in range(3)}
    two, one = _ids(_take(harness, limit=2)), _ids(_take(harness, limit=2))
    assert (len(two), len(one)) == (2, 1)
    assert {*two, *one} == ended


def test_an_end_stored_twice_is_due_once(harness: Harness) -> None:
    job = _processing(harness)
    done = transitions.fail(job, 1, FAULT, START)
    harness.jobs.replace(job, done)
    (held,) = _take(harness)
    assert harness.webhooks.settle(held, after(held.delivery, HEARD, START, 0.0))
    harness.jobs.replace(job, done)  # the first answer was lost on the way
    assert _take(harness, now=START + 1_000) == []


def test_a_change_after_the_end_makes_nothing_due(harness: Harness) -> None:
    job = _ended(harness)
    (held,) = _take(harness)
    harness.webhooks.settle(held, after(held.delivery, HEARD, START, 0.0))
    harness.jobs.replace(job, replace(job, metrics={"touched": 1.0}))
    assert _take(harness, now=START + 1_000) == []


# --- holding ----------------------------------------------------------------------------------------


def test_what_is_held_is_given_to_nobody_else_until_the_hold_runs_out(harness: Harness) -> None:
    job = _ended(harness)
    assert _ids(_take(harness)) == [job.id]
    assert _take(harness, now=START + HOLD - 0.1) == []
    assert _ids(_take(harness, now=START + HOLD)) == [job.id]


def test_each_of_many_is_taken_once_by_concurrent_takers(harness: Harness) -> None:
    ended = sorted(_ended(harness).id for _ in range(40))
    with ThreadPoolExecutor(8) as pool:
        taken = [one for batch in pool.map(lambda _: _take(harness, limit=7), range(16)) for one in batch]
    assert sorted(_ids(taken)) == ended


def test_a_settled_delivery_is_found_and_due_when_it_says(harness: Harness) -> None:
    job = _ended(harness)
    (held,) = _take(harness)
    failed = after(held.delivery, UNHEARD, START, 0.0)
    assert harness.webhooks.settle(held, failed)
    assert harness.webhooks.find([job]) == {job.id: failed}
    assert _take(harness, now=START + 4.9) == []
    (again,) = _take(harness, now=START + 5)
    assert again.delivery == failed
    assert harness.webhooks.settle(again, after(again.delivery, HEARD, START + 5, 0.0))
    assert _take(harness, now=START + 1_000_000) == []
    assert harness.webhooks.find([job])[job.id].state == "delivered"


def test_who_held_too_long_settles_nothing(harness: Harness) -> None:
    job = _ended(harness)
    (slow,) = _take(harness)
    (quick,) = _take(harness, now=START + HOLD)
    assert not harness.webhooks.settle(slow, after(slow.delivery, UNHEARD, START, 0.0))
    assert harness.webhooks.find([job]) == {}
    delivered = after(quick.delivery, HEARD, START, 0.0)
    assert harness.webhooks.settle(quick, delivered)
    assert not harness.webhooks.settle(slow, after(slow.delivery, UNHEARD, START, 0.0))
    harness.webhooks.postpone([slow], START)
    assert harness.webhooks.find([job]) == {job.id: delivered}
    assert _take(harness, now=START + 1_000) == []


def test_the_postponed_come_back_untried(harness: Harness) -> None:
    ended = {_ended(harness).id for _ in range(3)}
    harness.webhooks.postpone([], START)
    harness.webhooks.postpone(_take(harness), START + 3)
    assert _take(harness, now=START + 2.9) == []
    back = _take(harness, now=START + 3)
    assert set(_ids(back)) == ended
    assert {one.delivery.attempts for one in back} == {0}


# --- started again, and gone ------------------------------------------------------------------------


def test_a_restarted_delivery_is_due_whoever_holds_it(harness: Harness) -> None:
    job = _ended(harness)
    (held,) = _take(harness)
    again = Delivery(attempts=3, next_attempt_at=START + 1)
    harness.webhooks.restart(job, again)
    assert not harness.webhooks.settle(held, after(held.delivery, HEARD, START, 0.0))
    (taken,) = _take(harness, now=START + 1)
    assert taken.delivery == again == harness.webhooks.find([job])[job.id]


def test_a_removed_job_is_due_no_more(harness: Harness) -> None:
    kept, removed = _ended(harness), _ended(harness)
    harness.jobs.remove(removed.id)
    assert _ids(_take(harness)) == [kept.id]
    with pytest.raises(JobNotFound):
        harness.webhooks.restart(removed, Delivery(next_attempt_at=START))


def test_a_job_whose_lifetime_ended_is_due_no_more(harness: Harness) -> None:
    job = _ended(harness)
    (held,) = _take(harness)
    harness.vanish(f"job:{job.id}")
    assert not harness.webhooks.settle(held, after(held.delivery, UNHEARD, START, 0.0))
    assert harness.webhooks.find([job]) == {}
    assert _take(harness, now=START + 1_000) == []


def test_only_stored_deliveries_are_found(harness: Harness) -> None:
    untried = _ended(harness)
    assert harness.webhooks.find([]) == {}
    assert harness.webhooks.find([untried, make_job()]) == {}


# --- batches ----------------------------------------------------------------------------------------


def _batch(harness: Harness, jobs: int = 2, url: str | None = URL) -> tuple[Batch, list[Job]]:
    batch = new_batch(new_id(START), "anonymous", START, jobs, url)
    made = [make_job(batch_id=batch.id) for _ in range(jobs)]
    harness.batches.add(batch, made)
    return batch, made


def _cancel(harness: Harness, job: Job, at: float = START) -> None:
    harness.jobs.replace(job, transitions.request_cancel(job, at))


def test_the_write_that_ends_the_last_of_a_batchs_jobs_makes_its_webhook_due(harness: Harness) -> None:
    batch, jobs = _batch(harness, 3)
    for number, job in enumerate(jobs):
        assert _take(harness, now=START + 100) == []
        _cancel(harness, job, START + number)
    assert _take(harness, now=START + 1.9) == []
    (held,) = _take(harness, now=START + 2)
    assert held.subject == harness.batches.get(batch.id)
    assert held.delivery == Delivery(next_attempt_at=START + 2)
    assert held.subject.webhook_url == URL


def test_a_batchs_webhook_is_due_once(harness: Harness) -> None:
    batch, jobs = _batch(harness)
    for job in jobs:
        _cancel(harness, job)
    (held,) = _take(harness)
    assert harness.webhooks.settle(held, after(held.delivery, HEARD, START, 0.0))
    for job in jobs:
        ended = harness.jobs.get(job.id)
        harness.jobs.replace(ended, replace(ended, metrics={"touched": 1.0}))
        harness.jobs.remove(job.id)
    assert _take(harness, now=START + 1_000_000) == []
    assert harness.webhooks.find([held.subject])[batch.id].state == "delivered"


def test_a_batch_whose_last_job_is_deleted_has_ended(harness: Harness) -> None:
    batch, jobs = _batch(harness)
    _cancel(harness, jobs[0], START + 1)
    harness.jobs.remove(jobs[1].id)
    assert _ids(_take(harness, now=START + 1)) == [batch.id]
    lonely, (job,) = _batch(harness, 1)
    harness.jobs.remove(job.id)
    assert _ids(_take(harness, now=START + 1)) == [lonely.id]


def test_its_jobs_webhooks_are_their_own(harness: Harness) -> None:
    batch = new_batch(new_id(START), "anonymous", START, 1, URL)
    job = make_job(batch_id=batch.id, webhook_url=URL)
    harness.batches.add(batch, [job])
    _cancel(harness, job)
    assert set(_ids(_take(harness))) == {job.id, batch.id}


def test_a_batch_without_a_webhook_is_never_due(harness: Harness) -> None:
    _, jobs = _batch(harness, url=None)
    for job in jobs:
        _cancel(harness, job)
    assert _take(harness) == []


def test_a_batchs_delivery_is_held_postponed_and_started_again_as_a_jobs(harness: Harness) -> None:
    batch, (job,) = _batch(harness, 1)
    _cancel(harness, job)
    held = _take(harness)
    assert _take(harness, now=START + HOLD - 0.1) == []
    harness.webhooks.postpone(held, START + 3)
    (again,) = _take(harness, now=START + 3)
    failed = after(again.delivery, UNHEARD, START + 3, 0.0)
    assert harness.webhooks.settle(again, failed)
    assert not harness.webhooks.settle(held[0], failed)
    assert harness.webhooks.find([again.subject]) == {batch.id: failed}
    harness.webhooks.restart(again.subject, Delivery(attempts=1, next_attempt_at=START + 4))
    assert _ids(_take(harness, now=START + 4)) == [batch.id]


def test_a_batch_that_is_gone_is_due_no_more(harness: Harness) -> None:
    removed, (first,) = _batch(harness, 1)
    outlived, (second,) = _batch(harness, 1)
    _cancel(harness, first)
    _cancel(harness, second)
    taken = {held.subject.id: held for held in _take(harness)}
    harness.batches.remove(removed.id)
    harness.vanish(f"batch:{outlived.id}")
    assert _take(harness, now=START + 1_000) == []
    for batch in (removed, outlived):
        assert not harness.webhooks.settle(taken[batch.id], after(taken[batch.id].delivery, HEARD, START, 0.0))
        assert harness.webhooks.find([batch]) == {}
        with pytest.raises(BatchNotFound):
            harness.webhooks.restart(batch, Delivery(next_attempt_at=START))


def test_a_store_that_is_away(harness: Harness) -> None:
    job = _ended(harness)
    (held,) = _take(harness)
    down = harness.down()
    for call in (
        lambda: down.take(START, 1, hold_seconds=1),
        lambda: down.settle(held, held.delivery),
        lambda: down.postpone([held], START),
        lambda: down.restart(job, held.delivery),
        lambda: down.find([job]),
    ):
        with pytest.raises(JobStoreUnavailable):
            call()
