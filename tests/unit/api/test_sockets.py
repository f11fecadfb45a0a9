"""`/jobs/{id}/ws`: the same events, for who brings the right key, from a page that may ask."""

import json

import pytest

from services.shared.job import JobFault, fail
from tests.unit.api.client import ALICE, BOB, Client, add_job, bearer, run_job, start_job
from tests.unit.api.live import listening, talking

pytestmark = pytest.mark.anyio
NOT_FOUND = {"code": 4404, "reason": "job-not-found"}
UNAUTHORIZED = {"code": 4401, "reason": "unauthorized"}


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def key(value: str) -> str:
    return json.dumps({"api_key": value})


async def test_says_what_the_event_stream_says(client: Client) -> None:
    job = start_job(client.parts, add_job(client.parts))
    async with talking(client.app, job.id) as socket, listening(client.app, job.id) as source:
        for progress in (0.0, 0.5):
            client.parts.jobs.beat(job.id, 1, progress=progress, lease_until=client.parts.clock() + 10)
            told = await source.event()
            told.pop("retry", None)
            assert await socket.message() == told
        client.parts.jobs.replace(job, fail(job, 1, JobFault("x", "X", "It is."), client.parts.clock()))
        end = await socket.message()
        assert (end["event"], end["data"]["status"]) == ("end", "failed")
        assert (await socket.message())["code"] == 1000
        await socket.over()


async def test_a_client_that_comes_back_is_told_what_is_new(client: Client) -> None:
    job = run_job(client.parts, add_job(client.parts))
    async with talking(client.app, job.id) as socket:
        end = await socket.message()
        assert end["event"] == "end"
    async with talking(client.app, job.id, query=f"last_event_id={end['id']}") as socket:
        assert (await socket.message())["code"] == 1000


async def test_who_leaves_is_let_go(client: Client) -> None:
    job = start_job(client.parts, add_job(client.parts))
    async with talking(client.app, job.id) as socket:
        socket.say("What a client says is of no interest.")
        await socket.message()
        assert client.parts.events.listened() == [job.id]
        socket.leave()
        await socket.over()
        assert client.parts.events.listened() == []


async def test_a_key_comes_in_a_header_or_as_the_first_message(locked: Client) -> None:
    job = add_job(locked.parts, owner="alice")
    for headers in (bearer(ALICE), {"X-API-Key": ALICE}):
        async with talking(locked.app, job.id, headers=headers) as socket:
            assert (await socket.message())["event"] == "snapshot"
    async with talking(locked.app, job.id) as socket:
        socket.say(key(ALICE))
        assert (await socket.message())["event"] == "snapshot"


@pytest.mark.parametrize(
    "said", [key("wrong"), key(""), "", "{}", "[]", "7", "no JSON", '{"api_key": null}', "[" * 9_999]
)
async def test_another_first_message_is_refused(locked: Client, said: str) -> None:
    job = add_job(locked.parts, owner="alice")
    async with talking(locked.app, job.id) as socket:
        socket.say(said)
        assert await socket.message() == UNAUTHORIZED


async def test_a_wrong_header_is_refused_and_not_asked_for_again(locked: Client) -> None:
    job = add_job(locked.parts, owner="alice")
    for headers in (bearer("wrong"), {"X-API-Key": ""}):
        async with talking(locked.app, job.id, headers=headers) as socket:
            assert await socket.message() == UNAUTHORIZED


async def test_bytes_are_no_key(locked: Client) -> None:
    async with talking(locked.app, "0" * 32) as socket:
        socket.send({"type": "websocket.receive", "bytes": b"key"})
        assert await socket.message() == UNAUTHORIZED


async def test_who_leaves_without_a_key_is_let_go(locked: Client) -> None:
    async with talking(locked.app, "0" * 32) as socket:
        socket.leave()
        await socket.over()


async def test_another_tenants_job_is_as_if_it_never_was(locked: Client) -> None:
    job = add_job(locked.parts, owner="alice")
    for caller, job_id in ((BOB, job.id), (ALICE, "0" * 32)):
        async with talking(locked.app, job_id, headers=bearer(caller)) as socket:
            assert await socket.message() == NOT_FOUND


async def test_a_store_that_is_away_is_told(client: Client) -> None:
    client.parts.jobs.down = True
    async with talking(client.app, "0" * 32) as socket:
        assert await socket.message() == {"code": 4503, "reason": "job-store-unavailable"}


async def test_a_fault_of_ours_says_nothing_of_itself(client: Client) -> None:
    def break_down(_job_id: str) -> None:
        raise RuntimeError("private")

    client.parts.jobs.get = break_down
    async with talking(client.app, "0" * 32) as socket:
        assert await socket.message() == {"code": 1011, "reason": None}


@pytest.mark.parametrize(
    ("origin", "welcome"),
    [("https://app.test", True), ("http://timbre.test", True), ("https://evil.test", False), ("null", False)],
)
async def test_only_pages_that_may_call_the_api_may_listen(make_client, origin: str, welcome: bool) -> None:
    client = make_client(cors_origins="https://app.test")
    job = add_job(client.parts)
    async with talking(client.app, job.id, headers={"Origin": origin}) as socket:
        message = await socket.message()
        assert (message.get("event") == "snapshot") if welcome else (message["code"] == 1008)
