"""What every `JobEvents` must do, with the store whose jobs it tells of."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest
from redis import Redis

from services.shared.adapters.redis_events import RedisJobEvents
from services.shared.adapters.redis_jobs import RedisJobStore
from services.shared.job import Job, JobFault, transitions
from services.shared.news import READ_AGAIN, JobNews, Mailbox
from services.shared.ports import JobEvents, JobStore
from services.shared.testing import START, ManualClock, MemoryJobStore, make_job
from services.shared.testing.events import MemoryJobEvents

pytestmark = pytest.mark.anyio
PATIENCE = 5.0


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@dataclass(frozen=True)
class Harness:
    store: JobStore
    events: JobEvents


@pytest.fixture(params=["memory", "redis"])
async def harness(request: pytest.FixtureRequest) -> AsyncIterator[Harness]:
    if request.param == "memory":
        memory = MemoryJobStore(ManualClock())
        yield Harness(memory, MemoryJobEvents(memory.watchers))
    else:
        client: Redis = request.getfixturevalue("empty_valkey")
        events = RedisJobEvents(request.getfixturevalue("valkey"))
        yield Harness(RedisJobStore(client, ttl_seconds=60), events)
        await events.close()


def claimed(store: JobStore) -> Job:
    job = make_job()
    store.add(job)
    return store.replace(job, transitions.claim(job, "worker-1", START, 10.0))


def beat(store: JobStore, job: Job, progress: float) -> None:
    assert store.beat(job.id, job.attempt, progress=progress, lease_until=START + 20).owned


async def taken(mailbox: Mailbox) -> JobNews:
    return await asyncio.wait_for(mailbox.take(), PATIENCE)


async def until(mailbox: Mailbox, progress: float) -> None:
    while (await taken(mailbox)).progress != progress:
        continue


async def nothing_more(harness: Harness, mailbox: Mailbox) -> None:
    """What was published before another job's news would have arrived when those have."""
    other = claimed(harness.store)
    async with listening(harness, other) as witness:
        beat(harness.store, other, 0.5)
        await taken(witness)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(mailbox.take(), 0.01)


@asynccontextmanager
async def listening(harness: Harness, job: Job) -> AsyncIterator[Mailbox]:
    """A mailbox that certainly is given what happens from now on: the first beat that it hears of proves it."""
    with harness.events.listen(job.id) as mailbox:
        assert await taken(mailbox) == READ_AGAIN
        share = 0.0
        async with asyncio.timeout(PATIENCE):
            while True:
                share += 0.01
                beat(harness.store, job, share)
                try:
                    while (await asyncio.wait_for(mailbox.take(), 0.2)).progress < share:
                        continue
                    break
                except TimeoutError:
                    continue
        yield mailbox


async def test_at_first_the_record_has_to_be_read(harness: Harness) -> None:
    with harness.events.listen("0" * 32) as mailbox:
        assert await taken(mailbox) == READ_AGAIN


async def test_a_new_revision_is_told(harness: Harness) -> None:
    job = claimed(harness.store)
    async with listening(harness, job) as mailbox:
        asked = harness.store.replace(job, transitions.request_cancel(job, START))
        assert await taken(mailbox) == JobNews(asked.revision, asked.progress)
        ended = harness.store.replace(asked, transitions.confirm_cancel(asked, 1, START))
        assert (await taken(mailbox)).revision == ended.revision


async def test_progress_is_told_once_for_each_percent(harness: Harness) -> None:
    job = claimed(harness.store)
    async with listening(harness, job) as mailbox:
        beat(harness.store, job, 0.5)
        assert await taken(mailbox) == JobNews(job.revision, 0.5)
        beat(harness.store, job, 0.5)
        beat(harness.store, job, 0.509)
        await nothing_more(harness, mailbox)
        beat(harness.store, job, 0.51)
        assert await taken(mailbox) == JobNews(job.revision, 0.51)


async def test_a_removal_is_told(harness: Harness) -> None:
    job = claimed(harness.store)
    async with listening(harness, job) as mailbox:
        harness.store.remove(job.id)
        assert await taken(mailbox) == READ_AGAIN


async def test_only_the_latest_waits(harness: Harness) -> None:
    job = claimed(harness.store)
    async with listening(harness, job) as slow, listening(harness, job) as quick:
        for progress in (0.5, 0.6, 0.7):
            beat(harness.store, job, progress)
        await until(quick, 0.7)
        assert await taken(slow) == JobNews(job.revision, 0.7)


async def test_a_beat_of_another_attempt_is_no_news(harness: Harness) -> None:
    job = claimed(harness.store)
    async with listening(harness, job) as mailbox:
        assert not harness.store.beat(job.id, 7, progress=0.9, lease_until=START).owned
        await nothing_more(harness, mailbox)


async def test_an_end_stored_twice_is_told_once(harness: Harness) -> None:
    job = claimed(harness.store)
    async with listening(harness, job) as mailbox:
        failed = transitions.fail(job, 1, JobFault("x", "X", "It is."), START)
        harness.store.replace(job, failed)
        await taken(mailbox)
        harness.store.replace(job, failed)
        await nothing_more(harness, mailbox)


async def test_everybody_hears_of_their_own_job_alone(harness: Harness) -> None:
    mine, other = claimed(harness.store), claimed(harness.store)
    async with (
        listening(harness, mine) as first,
        listening(harness, mine) as second,
        listening(harness, other) as third,
    ):
        beat(harness.store, mine, 0.5)
        for mailbox in (first, second):
            await until(mailbox, 0.5)
        await nothing_more(harness, third)


async def test_one_that_leaves_does_not_deafen_the_others(harness: Harness) -> None:
    job = claimed(harness.store)
    async with listening(harness, job) as stays:
        async with listening(harness, job):
            pass
        beat(harness.store, job, 0.5)
        await until(stays, 0.5)


async def test_a_job_is_subscribed_to_while_somebody_listens(valkey: str, empty_valkey: Redis) -> None:
    store, events = RedisJobStore(empty_valkey, ttl_seconds=60), RedisJobEvents(valkey)
    harness, job = Harness(store, events), claimed(store)
    channel = f"timbre:{{jobs}}:news:{job.id}"
    async with listening(harness, job), listening(harness, job):
        assert dict(empty_valkey.pubsub_numsub(channel))[channel] == 1
    async with asyncio.timeout(PATIENCE):
        while dict(empty_valkey.pubsub_numsub(channel))[channel]:  # noqa: ASYNC110 - the server is asked
            await asyncio.sleep(0)
    async with listening(harness, job) as mailbox:
        beat(store, job, 0.5)
        assert (await taken(mailbox)).progress == 0.5
    assert len(empty_valkey.client_list(_type="pubsub")) == 1
    await events.close()


async def test_a_line_on_which_nothing_happens_is_kept(valkey: str, empty_valkey: Redis) -> None:
    store, events = RedisJobStore(empty_valkey, ttl_seconds=60), RedisJobEvents(valkey, silence_seconds=0.02)
    job = claimed(store)
    async with listening(Harness(store, events), job) as mailbox:
        (line,) = empty_valkey.client_list(_type="pubsub")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(mailbox.take(), 0.2)  # ten questions and their answers
        assert [one["id"] for one in empty_valkey.client_list(_type="pubsub")] == [line["id"]]
        beat(store, job, 0.5)
        await until(mailbox, 0.5)
    await events.close()


async def test_a_user_who_may_not_publish_loses_events_and_no_jobs(valkey: str, empty_valkey: Redis) -> None:
    empty_valkey.acl_setuser("quiet", enabled=True, nopass=True, keys=["*"], commands=["+@all"], reset_channels=True)
    with Redis.from_url(valkey.replace("//:", "//quiet:"), decode_responses=True) as client:
        store = RedisJobStore(client, ttl_seconds=60)
        job = claimed(store)
        beat(store, job, 0.5)
        assert store.get(job.id).progress == 0.5
        store.remove(job.id)
    empty_valkey.acl_deluser("quiet")
