"""`/jobs/{id}/events`: everything once, nothing lost, and nobody kept who has left."""

from collections.abc import Callable
from typing import Any

import pytest

from services.api.listening.narration import EventId
from services.shared.job import Job, JobFault, fail, mark_enqueued
from services.shared.parts import Parts
from tests.unit.api.client import ALICE, BOB, Client, add_job, bearer, run_job, start_job
from tests.unit.api.live import EventSource, listening

pytestmark = pytest.mark.anyio
MakeClient = Callable[..., Client]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def beat(parts: Parts, job_id: str, progress: float) -> None:
    job = parts.jobs.get(job_id)
    assert parts.jobs.beat(job_id, job.attempt, progress=progress, lease_until=parts.clock() + 10).owned


def add_jobs(parts: Parts, count: int) -> list[Job]:
    """One after the other."""
    jobs = []
    for _ in range(count):
        jobs.append(add_job(parts))
        parts.clock.advance(1)
    return jobs


def give_up(parts: Parts, job_id: str) -> None:
    job = parts.jobs.get(job_id)
    parts.jobs.replace(job, fail(job, job.attempt, JobFault("x", "X", "It is."), parts.clock()))


def gist(event: dict[str, Any]) -> tuple[str, str, float]:
    return event["event"], event["data"]["status"], event["data"]["progress"]


async def rest(source: EventSource) -> list[tuple[str, str, float]]:
    """What comes until the stream ends."""
    found = []
    while True:
        try:
            found.append(gist(await source.event()))
        except EOFError:
            return found


async def test_a_job_is_told_from_queue_to_end(client: Client) -> None:
    job = add_job(client.parts)
    async with listening(client.app, job.id) as source:
        assert source.status == 200
        assert source.headers["content-type"].startswith("text/event-stream")
        assert (source.headers["cache-control"], source.headers["x-accel-buffering"]) == ("no-store", "no")
        assert await source.block() == "retry: 2000"
        first = await source.event()
        assert gist(first) == ("snapshot", "queued", 0.0)
        assert first["data"] == {
            "job_id": job.id,
            "status": "queued",
            "result_url": None,
            "progress": 0.0,
            "queue_position": 0,
            "eta_s": None,
            "error": None,
        }
        running = start_job(client.parts, job)
        assert gist(await source.event()) == ("status", "processing", 0.0)
        for progress in (0.25, 0.5):
            beat(client.parts, job.id, progress)
            assert gist(await source.event()) == ("progress", "processing", progress)
        fault = JobFault("engine-failed", "The engine failed", "It did.")
        client.parts.jobs.replace(running, fail(running, 1, fault, client.parts.clock()))
        end = await source.event()
        assert gist(end) == ("end", "failed", 0.0)
        assert end["data"]["error"] == {
            "type": "/problems/engine-failed",
            "title": "The engine failed",
            "detail": "It did.",
        }
        assert await rest(source) == []


async def test_the_end_brings_the_audio(client: Client) -> None:
    job = add_job(client.parts)
    async with listening(client.app, job.id) as source:
        await source.event()
        run_job(client.parts, job)
        while (event := await source.event())["event"] != "end":
            continue
        assert client.parts.blobs.fetch(event["data"]["result_url"]) == b"RIFF-audio"


async def test_a_job_that_is_over_has_its_end_alone(client: Client) -> None:
    job = run_job(client.parts, add_job(client.parts))
    async with listening(client.app, job.id) as source:
        assert await rest(source) == [("end", "succeeded", 1.0)]


async def test_ids_grow(client: Client) -> None:
    jobs = add_jobs(client.parts, 3)
    ids = []
    async with listening(client.app, jobs[2].id) as source:
        ids.append((await source.event())["id"])
        for job in jobs[:2]:
            start_job(client.parts, job)
            ids.append((await source.event())["id"])
        start_job(client.parts, jobs[2])
        ids.append((await source.event())["id"])
        beat(client.parts, jobs[2].id, 0.5)
        ids.append((await source.event())["id"])
    parsed = [EventId.parse(one) for one in ids]
    assert parsed == sorted(set(parsed))
    assert ids == ["0-0-0", "0-0-1", "0-0-2", "1-0-0", "1-50-0"]


async def test_the_place_in_the_queue_is_told_as_others_leave(client: Client) -> None:
    before, job = add_jobs(client.parts, 2)
    async with listening(client.app, job.id) as source:
        assert (await source.event())["data"]["queue_position"] == 1
        client.parts.jobs.remove(before.id)
        event = await source.event()
        assert (event["event"], event["data"]["queue_position"]) == ("progress", 0)


async def test_steps_within_one_percent_are_told_once(client: Client) -> None:
    job = start_job(client.parts, add_job(client.parts))
    async with listening(client.app, job.id) as source:
        await source.event()
        for step in range(1, 40):
            beat(client.parts, job.id, step / 1_000)
            if step % 10 == 0:
                assert gist(await source.event()) == ("progress", "processing", step / 1_000)
        give_up(client.parts, job.id)
        assert await rest(source) == [("end", "failed", 0.039)]


async def test_what_a_slow_listener_missed_is_one_event(client: Client) -> None:
    """News pile up nowhere: between two looks only the latest counts."""
    job = start_job(client.parts, add_job(client.parts))
    async with listening(client.app, job.id) as source:
        await source.event()
        for progress in (0.1, 0.2, 0.3, 0.4):
            beat(client.parts, job.id, progress)
        told = [gist(await source.event())]
        # The look at an earlier one may have been under way.
        if told[-1][2] < 0.4:
            told.append(gist(await source.event()))
        assert told[-1] == ("progress", "processing", 0.4)


async def test_changes_that_nobody_can_see_are_not_told(client: Client) -> None:
    job = add_job(client.parts)
    async with listening(client.app, job.id) as source:
        await source.event()
        job = client.parts.jobs.replace(job, mark_enqueued(job, client.parts.clock()))
        start_job(client.parts, job)
        assert gist(await source.event()) == ("status", "processing", 0.0)


# --- coming back ------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["header", "query"])
async def test_who_comes_back_is_told_only_what_is_new(client: Client, way: str) -> None:
    job = start_job(client.parts, add_job(client.parts))
    async with listening(client.app, job.id) as source:
        last = (await source.event())["id"]
    back: dict[str, Any] = (
        {"headers": {"Last-Event-ID": last}} if way == "header" else {"query": f"last_event_id={last}"}
    )
    async with listening(client.app, job.id, **back) as source:
        beat(client.parts, job.id, 0.5)
        assert gist(await source.event()) == ("progress", "processing", 0.5)


async def test_an_end_that_nobody_heard_is_told_to_who_comes_back(client: Client) -> None:
    job = start_job(client.parts, add_job(client.parts))
    async with listening(client.app, job.id) as source:
        last = (await source.event())["id"]
    give_up(client.parts, job.id)
    async with listening(client.app, job.id, headers={"Last-Event-ID": last}) as source:
        event = await source.event()
        assert gist(event) == ("end", "failed", 0.0)
        assert EventId.parse(event["id"]) > EventId.parse(last)
        last = event["id"]
    async with listening(client.app, job.id, headers={"Last-Event-ID": last}) as source:
        assert (source.status, source.headers["cache-control"]) == (204, "no-store")


@pytest.mark.parametrize("unknown", ["", "7", "x-y-z", "1-2", "99-99-99", "-1-0-0", "0" * 64])
async def test_an_id_that_is_not_the_jobs_starts_anew(client: Client, unknown: str) -> None:
    job = start_job(client.parts, add_job(client.parts))
    async with listening(client.app, job.id, headers={"Last-Event-ID": unknown}) as source:
        assert gist(await source.event()) == ("snapshot", "processing", 0.0)


async def test_an_id_of_any_length_is_not_taken(client: Client) -> None:
    job = add_job(client.parts)
    async with listening(client.app, job.id, headers={"Last-Event-ID": "1" * 65}) as source:
        assert source.status == 422


# --- leaving, and outages ----------------------------------------------------------------------------


async def test_two_listeners_hear_the_same_and_leave_for_themselves(client: Client) -> None:
    job = start_job(client.parts, add_job(client.parts))
    async with listening(client.app, job.id) as stays:
        await stays.event()
        async with listening(client.app, job.id) as leaves:
            await leaves.event()
            beat(client.parts, job.id, 0.5)
            assert await stays.event() == await leaves.event()
        assert client.parts.events.listened() == [job.id]
        beat(client.parts, job.id, 0.75)
        assert gist(await stays.event()) == ("progress", "processing", 0.75)
    assert client.parts.events.listened() == []


async def test_the_line_is_kept_open(make_client: MakeClient) -> None:
    client = make_client(quiet_seconds=0.01)
    job = start_job(client.parts, add_job(client.parts))
    async with listening(client.app, job.id) as source:
        await source.event()
        assert [await source.block() for _ in range(3)] == [": ping"] * 3


async def test_a_deleted_job_ends(client: Client) -> None:
    job = start_job(client.parts, add_job(client.parts))
    async with listening(client.app, job.id) as source:
        last = (await source.event())["id"]
        client.parts.jobs.remove(job.id)
        event = await source.event()
        assert gist(event) == ("end", "canceled", 0.0)
        assert event["data"]["error"]["type"] == "/problems/job-not-found"
        assert EventId.parse(event["id"]) > EventId.parse(last)
        assert await rest(source) == []


async def test_what_happened_during_an_outage_is_told_after_it(client: Client) -> None:
    job = start_job(client.parts, add_job(client.parts))
    async with listening(client.app, job.id) as source:
        await source.event()
        client.parts.events.down = True
        beat(client.parts, job.id, 0.5)
        client.parts.events.come_back()
        assert gist(await source.event()) == ("progress", "processing", 0.5)


async def test_a_store_that_is_away_is_waited_for(make_client: MakeClient) -> None:
    client = make_client(quiet_seconds=0.01)
    job = start_job(client.parts, add_job(client.parts))
    async with listening(client.app, job.id) as source:
        await source.event()
        client.parts.jobs.down = True
        client.parts.events.come_back()
        assert await source.block() == ": ping"
        client.parts.jobs.down = False
        give_up(client.parts, job.id)
        assert await rest(source) == [("end", "failed", 0.0)]


async def test_a_job_taken_over_by_another_attempt_starts_anew(client: Client) -> None:
    job = start_job(client.parts, add_job(client.parts))
    beat(client.parts, job.id, 0.5)
    async with listening(client.app, job.id) as source:
        await source.event()
        client.parts.clock.advance(60)
        start_job(client.parts, client.parts.jobs.get(job.id))
        event = await source.event()
        assert (event["data"]["progress"], event["id"]) == (0.0, "2-0-0")


# --- who may ----------------------------------------------------------------------------------------


async def test_another_tenants_job_is_as_if_it_never_was(locked: Client) -> None:
    job = add_job(locked.parts, owner="alice")
    for key, job_id, status in ((BOB, job.id, 404), (ALICE, "0" * 32, 404), ("wrong", job.id, 401)):
        async with listening(locked.app, job_id, headers=bearer(key)) as source:
            assert source.status == status
    async with listening(locked.app, job.id, headers=bearer(ALICE)) as source:
        assert source.status == 200


async def test_a_store_that_is_away_at_first_refuses(client: Client) -> None:
    client.parts.jobs.down = True
    async with listening(client.app, "0" * 32) as source:
        assert source.status == 503
