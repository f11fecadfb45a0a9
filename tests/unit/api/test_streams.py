"""`POST /tts/stream` and `GET /jobs/{id}/stream`: heard as it is made, from its beginning, or not at all."""

import io
from collections.abc import Callable

import anyio
import av
import httpx
import numpy as np
import pytest
from structlog.testing import capture_logs

from f5_tts_core.testing import speech_like
from services.api.jobs.idempotency import REPLAYED_HEADER
from services.shared.api_key import stored_id
from services.shared.job import Job, JobFault, JobStatus, claim, fail, release
from services.shared.parts import Parts
from tests.unit.api.client import (
    ALICE,
    BOB,
    KEYS,
    REFERENCE,
    REFERENCE_TEXT,
    SECOND,
    Client,
    add_job,
    bearer,
    run_job,
    say,
    start_job,
    store_key,
)
from tests.unit.api.live import calling, hearing, submitted

pytestmark = pytest.mark.anyio
MakeClient = Callable[..., Client]

FAULT = JobFault("engine-out-of-memory", "The device ran out of memory", "It did.")


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def get(job: Job, headers: dict[str, str] | None = None) -> httpx.Request:
    return httpx.Request("GET", f"http://timbre.test/jobs/{job.id}/stream", headers=headers)


def post(**fields: str) -> httpx.Request:
    data = {"text": "Hello there.", "ref_text": REFERENCE_TEXT, "format": "pcm", **fields}
    files = {"voice": ("voice.wav", REFERENCE, "audio/wav")}
    return httpx.Request("POST", "http://timbre.test/tts/stream", data=data, files=files)


def give_back(parts: Parts, job: Job) -> None:
    running = parts.jobs.get(job.id)
    parts.jobs.replace(running, release(running, running.attempt, parts.clock(), setback=True))


# --- as it is made ---------------------------------------------------------------------------------


async def test_the_first_bytes_come_while_the_job_is_spoken(client: Client) -> None:
    job = start_job(client.parts, add_job(client.parts, format="pcm", stream=True))
    async with hearing(client.app, get(job)) as line:
        for number in (1, 2):
            say(client.parts, job, SECOND, first=number)
            if number == 1:
                await line.open()
                assert (line.status, line.headers["content-type"]) == (200, "audio/pcm")
                assert "content-length" not in line.headers
                assert (line.headers["x-job-id"], line.headers["cache-control"]) == (job.id, "no-store")
            assert await line.chunk() == SECOND
        assert client.parts.jobs.get(job.id).status is JobStatus.PROCESSING
        say(client.parts, job, b"", first=3)
        assert await line.rest() == b""


async def test_a_request_is_answered_with_its_speech(client: Client) -> None:
    async with hearing(client.app, post(seed="3")) as line:
        job = start_job(client.parts, await submitted(client.parts))
        assert (job.input.stream, job.input.format, job.input.seed) == (True, "pcm", 3)
        say(client.parts, job, SECOND, SECOND, b"")
        await line.open()
        assert line.headers["x-job-id"] == job.id
        assert await line.rest() == SECOND * 2
    assert not client.parts.jobs.get(job.id).cancel_requested


@pytest.mark.parametrize(
    ("name", "content_type"),
    [
        ("wav", "audio/wav"),
        ("flac", "audio/flac"),
        ("mp3", "audio/mpeg"),
        ("opus", "audio/ogg"),
        ("aac", "audio/aac"),
    ],
)
async def test_every_format_can_be_heard(client: Client, name: str, content_type: str) -> None:
    samples = (speech_like(2.0).samples * 32_767).astype("<i2").tobytes()
    job = start_job(client.parts, add_job(client.parts, format=name, stream=True, sample_rate=48_000))
    say(client.parts, job, samples[:48_000], samples[48_000:], b"")
    async with hearing(client.app, get(job)) as line:
        await line.open()
        assert line.headers["content-type"] == content_type
        with av.open(io.BytesIO(await line.rest())) as container:
            frames = [frame.to_ndarray() for frame in container.decode(audio=0)]
    assert np.concatenate(frames, axis=-1).size == pytest.approx(96_000, abs=5_000)


async def test_who_joins_late_hears_it_from_its_beginning(client: Client) -> None:
    job = start_job(client.parts, add_job(client.parts, format="pcm", stream=True))
    say(client.parts, job, *[SECOND] * 25)
    async with hearing(client.app, get(job)) as line:
        await line.open()
        heard = b""
        while len(heard) < 25 * len(SECOND):
            heard += await line.chunk() or b""
        say(client.parts, job, b"", first=26)
        assert await line.rest() == b""
    assert heard == SECOND * 25


async def test_a_job_that_is_over_is_answered_as_it_is_stored(client: Client) -> None:
    job = run_job(client.parts, add_job(client.parts, stream=True))
    async with hearing(client.app, get(job)) as line:
        await line.open()
        assert (line.status, await line.chunk()) == (200, b"RIFF-audio")


async def test_a_job_that_is_not_streamed_is_answered_once_it_is_done(client: Client) -> None:
    job = add_job(client.parts)
    async with hearing(client.app, get(job)) as line:
        run_job(client.parts, job)
        await line.open()
        assert (line.status, await line.chunk()) == (200, b"RIFF-audio")


async def test_news_that_were_lost_are_not_missed(client: Client) -> None:
    job = start_job(client.parts, add_job(client.parts, format="pcm", stream=True))
    client.parts.events.down = True
    async with hearing(client.app, get(job)) as line:
        say(client.parts, job, SECOND, b"")
        await line.open()
        assert await line.rest() == SECOND


async def test_openais_route_is_heard_while_it_is_made_too(client: Client) -> None:
    asked = {"model": "tts-1", "input": "Hello there.", "voice": "sample", "response_format": "pcm"}
    async with hearing(client.app, httpx.Request("POST", "http://timbre.test/v1/audio/speech", json=asked)) as line:
        job = start_job(client.parts, await submitted(client.parts))
        say(client.parts, job, SECOND)
        await line.open()
        assert await line.chunk() == SECOND
        assert client.parts.jobs.get(job.id).status is JobStatus.PROCESSING
        say(client.parts, job, b"", first=2)
        assert await line.rest() == b""


async def test_a_repeated_request_hears_the_same_job_from_its_beginning(client: Client) -> None:
    request = post()
    request.headers["Idempotency-Key"] = "once"
    async with hearing(client.app, request) as line:
        job = start_job(client.parts, await submitted(client.parts))
        say(client.parts, job, SECOND, b"")
        await line.open()
        assert await line.rest() == SECOND
    async with hearing(client.app, request) as line:
        await line.open()
        assert (line.headers["x-job-id"], line.headers[REPLAYED_HEADER.lower()]) == (job.id, "true")
        assert await line.rest() == SECOND
    assert client.parts.queue.sent == [job.id]


# --- who leaves ------------------------------------------------------------------------------------


async def test_a_client_that_leaves_cancels_its_job(client: Client) -> None:
    async with hearing(client.app, post()) as line:
        job = start_job(client.parts, await submitted(client.parts))
        say(client.parts, job, SECOND)
        await line.open()
        assert await line.chunk() == SECOND
    assert client.parts.jobs.get(job.id).cancel_requested


async def test_a_client_that_leaves_before_the_first_byte_does_too(client: Client) -> None:
    async with hearing(client.app, post()):
        job = await submitted(client.parts)
    assert client.parts.jobs.get(job.id).status is JobStatus.CANCELED


async def test_a_client_that_has_all_of_it_may_leave_at_once(client: Client) -> None:
    async with hearing(client.app, post()) as line:
        job = start_job(client.parts, await submitted(client.parts))
        line.leave_at_end()
        say(client.parts, job, SECOND, b"")
        await line.open()
        assert await line.rest() == SECOND
    assert not client.parts.jobs.get(job.id).cancel_requested


async def test_a_listener_that_leaves_changes_nothing(client: Client) -> None:
    job = start_job(client.parts, add_job(client.parts, format="pcm", stream=True))
    async with hearing(client.app, get(job)) as line:
        say(client.parts, job, SECOND)
        await line.open()
        assert await line.chunk() == SECOND
    assert not client.parts.jobs.get(job.id).cancel_requested
    assert client.parts.events.listened() == []


async def test_a_client_that_would_wait_too_long_is_told_and_its_job_stopped(make_client: MakeClient) -> None:
    client = make_client(max_wait_seconds=0.01)
    async with hearing(client.app, post()) as line:
        await line.open()
        assert line.status == 504
    assert client.parts.jobs.get(client.parts.queue.sent[0]).status is JobStatus.CANCELED


# --- what goes wrong -------------------------------------------------------------------------------


async def test_what_fails_before_the_first_byte_is_an_ordinary_problem(client: Client) -> None:
    async with hearing(client.app, post()) as line:
        job = start_job(client.parts, await submitted(client.parts))
        client.parts.jobs.replace(job, fail(job, 1, FAULT, client.parts.clock()))
        await line.open()
        assert (line.status, line.headers["content-type"]) == (500, "application/problem+json")
        assert b"/problems/engine-out-of-memory" in (await line.chunk() or b"")


async def test_what_fails_afterwards_breaks_the_answer_off(client: Client) -> None:
    with capture_logs() as logs:
        async with hearing(client.app, post()) as line:
            job = start_job(client.parts, await submitted(client.parts))
            say(client.parts, job, SECOND)
            await line.open()
            client.parts.jobs.replace(job, fail(job, 1, FAULT, client.parts.clock()))
            assert await line.cut() == SECOND
    assert [line["event"] for line in logs if line["event"].startswith("request")] == ["request.cut", "request"]
    assert client.parts.jobs.get(job.id).fault == FAULT


async def test_an_attempt_that_nobody_heard_is_followed_by_the_next_one(client: Client) -> None:
    job = start_job(client.parts, add_job(client.parts, format="pcm", stream=True))
    async with hearing(client.app, get(job)) as line:
        give_back(client.parts, job)
        start_job(client.parts, client.parts.jobs.get(job.id))
        say(client.parts, job, SECOND, b"")
        await line.open()
        assert await line.rest() == SECOND


async def test_no_second_attempt_repeats_what_was_heard(client: Client) -> None:
    async with hearing(client.app, post()) as line:
        job = start_job(client.parts, await submitted(client.parts))
        say(client.parts, job, SECOND)
        await line.open()
        give_back(client.parts, job)
        assert await line.cut() == SECOND
    # The line broke, not the client: its job goes on.
    assert client.parts.jobs.get(job.id).status is JobStatus.QUEUED


async def test_a_worker_that_took_the_job_over_is_not_heard_in_the_middle(client: Client) -> None:
    job = start_job(client.parts, add_job(client.parts, format="pcm", stream=True))
    async with hearing(client.app, get(job)) as line:
        say(client.parts, job, SECOND)
        await line.open()
        assert await line.chunk() == SECOND
        client.parts.clock.advance(11)
        running = client.parts.jobs.get(job.id)
        client.parts.jobs.replace(running, claim(running, "worker-2", client.parts.clock(), 10.0))
        say(client.parts, job, SECOND, b"")
        assert await line.cut() == b""


async def test_a_deleted_job_breaks_off(client: Client) -> None:
    job = start_job(client.parts, add_job(client.parts, format="pcm", stream=True))
    async with hearing(client.app, get(job)) as line:
        say(client.parts, job, SECOND)
        await line.open()
        assert await line.chunk() == SECOND
        client.parts.jobs.remove(job.id)
        assert await line.cut() == b""


async def test_speech_whose_beginning_is_gone_is_not_heard_from_its_middle(make_client: MakeClient) -> None:
    client = make_client(stream_pieces=10)
    job = start_job(client.parts, add_job(client.parts, format="pcm", stream=True))
    say(client.parts, job, *[SECOND] * 12)
    async with hearing(client.app, get(job)) as line:
        await line.open()
        assert (line.status, line.headers["content-type"]) == (409, "application/problem+json")


async def test_a_channel_that_is_away_for_a_moment_is_waited_for(client: Client) -> None:
    job = start_job(client.parts, add_job(client.parts, format="pcm", stream=True))
    say(client.parts, job, SECOND, b"")
    client.parts.audio.down = True
    async with hearing(client.app, get(job)) as line:
        await anyio.wait_all_tasks_blocked()
        client.parts.audio.down = False
        await line.open()
        assert await line.rest() == SECOND


async def test_to_others_there_is_nothing_to_hear(locked: Client) -> None:
    job = start_job(locked.parts, add_job(locked.parts, owner="alice", format="pcm", stream=True))
    say(locked.parts, job, SECOND, b"")
    async with hearing(locked.app, get(job, bearer(BOB))) as line:
        await line.open()
        assert line.status == 404
    async with hearing(locked.app, get(job, bearer(ALICE))) as line:
        await line.open()
        assert await line.rest() == SECOND


@pytest.mark.parametrize(("name", "value"), [("remove_silence", "true"), ("loudness", "-16"), ("trim", "true")])
async def test_what_needs_the_whole_audio_is_refused(client: Client, name: str, value: str) -> None:
    async with hearing(client.app, post(**{name: value})) as line:
        await line.open()
        body = await line.chunk() or b""
    assert line.status == 422
    assert f'"field":"{name}"'.encode() in body
    assert client.parts.queue.sent == []


async def test_a_deleted_job_leaves_no_pieces(client: Client) -> None:
    job = start_job(client.parts, add_job(client.parts, format="pcm", stream=True))
    say(client.parts, job, SECOND, b"")
    request = httpx.Request("DELETE", f"http://timbre.test/jobs/{job.id}")
    async with hearing(client.app, request) as line:
        await line.open()
        assert line.status == 204
    assert client.parts.audio.read(job.id, 1, after=0, limit=10) == []


# --- audio that is over ----------------------------------------------------------------------------


async def answered(client: Client, request: httpx.Request) -> tuple[int, bytes]:
    async with hearing(client.app, request) as line:
        await line.open()
        return line.status, await line.chunk() or b""


async def test_audio_whose_time_is_over_is_gone(make_client: MakeClient) -> None:
    client = make_client(output_ttl_seconds=60)
    job = run_job(client.parts, add_job(client.parts, stream=True))
    client.parts.clock.advance(61)
    status, body = await answered(client, get(job))
    assert (status, b"/problems/audio-expired" in body) == (410, True)


async def test_audio_that_was_deleted_before_its_time_is_gone_too(client: Client) -> None:
    job = run_job(client.parts, add_job(client.parts, stream=True))
    client.parts.blobs.blobs.clear()
    assert (await answered(client, get(job)))[0] == 410


async def test_a_repeated_request_whose_audio_is_over_is_told_so(make_client: MakeClient) -> None:
    client = make_client(output_ttl_seconds=60)
    request = post()
    request.headers["Idempotency-Key"] = "once"
    async with hearing(client.app, request) as line:
        job = run_job(client.parts, await submitted(client.parts))
        await line.open()
        assert line.status == 200
    client.parts.clock.advance(61)
    assert (await answered(client, request))[0] == 410
    assert client.parts.queue.sent == [job.id]


# --- how many, and for how long --------------------------------------------------------------------


async def test_a_caller_has_so_many_streams_open_and_no_more(make_client: MakeClient) -> None:
    client = make_client(api_keys=KEYS, tenant_open_streams=2)
    job = start_job(client.parts, add_job(client.parts, owner="alice", format="pcm", stream=True))
    theirs = run_job(client.parts, add_job(client.parts, owner="bob"))
    say(client.parts, job, SECOND)
    asked = {"model": "tts-1", "input": "Hello there.", "voice": "sample"}
    more = [
        get(job, bearer(ALICE)),
        httpx.Request("GET", f"http://timbre.test/jobs/{job.id}/events", headers=bearer(ALICE)),
        httpx.Request("POST", "http://timbre.test/v1/audio/speech", headers=bearer(ALICE), json=asked),
        httpx.Request("POST", "http://timbre.test/v1/text-to-speech/sample", headers=bearer(ALICE), json=asked),
        post(),
    ]
    more[-1].headers.update(bearer(ALICE))
    async with hearing(client.app, get(job, bearer(ALICE))) as first, hearing(client.app, more[0]) as second:
        await first.open()
        await second.open()
        for request in more:
            status, body = await answered(client, request)
            assert status == 429
            assert b"stream" in body
        async with calling(client.app, f"/jobs/{job.id}/ws", headers=bearer(ALICE)) as socket:
            assert await socket.message() == {"code": 4429, "reason": "stream-limit-reached"}
        assert (await answered(client, get(theirs, bearer(BOB))))[0] == 200
        assert client.parts.queue.sent == []
    async with hearing(client.app, more[0]) as line:
        await line.open()
        assert line.status == 200


async def test_a_revoked_key_ends_what_it_opened(make_client: MakeClient) -> None:
    client = make_client(require_auth=True, key_cache_seconds=0, recheck_seconds=0.01)
    key, other = (store_key(client.parts, "alice", "speech") for _ in range(2))
    job = start_job(client.parts, add_job(client.parts, owner="alice", format="pcm", stream=True))
    say(client.parts, job, SECOND)
    async with (
        hearing(client.app, get(job, bearer(key))) as line,
        hearing(client.app, get(job, bearer(other))) as stays,
        calling(client.app, f"/jobs/{job.id}/stream", headers=bearer(key)) as socket,
    ):
        for one in (line, stays):
            await one.open()
            assert await one.chunk() == SECOND
        assert (await socket.message())["event"] == "started"
        await socket.audio(len(SECOND))
        client.parts.keys.remove(stored_id(key) or "")
        assert await line.cut() == b""
        assert (await socket.message())["problem"]["status"] == 401
        assert (await socket.message())["code"] == 4401
        say(client.parts, job, b"", first=2)
        assert await stays.rest() == b""
    assert not client.parts.jobs.get(job.id).cancel_requested


@pytest.mark.parametrize("path", ["/jobs/{}/stream", "/api/v1/tts/stream/{}"])
async def test_stored_audio_is_let_go_of_where_its_client_leaves(client: Client, path: str) -> None:
    job = run_job(client.parts, add_job(client.parts, format="pcm"), SECOND)
    async with hearing(client.app, httpx.Request("GET", f"http://timbre.test{path.format(job.id)}")) as line:
        line.stall()
        await line.open()
        assert await line.chunk() == SECOND[:1_000]
        assert client.parts.blobs.streams == 1
        line.leave()
        await line.over()
        assert client.parts.blobs.streams == 0


async def test_a_revoked_key_ends_the_sending_of_stored_audio_too(make_client: MakeClient) -> None:
    client = make_client(require_auth=True, key_cache_seconds=0, recheck_seconds=0.01)
    key = store_key(client.parts, "alice", "speech")
    job = run_job(client.parts, add_job(client.parts, owner="alice", format="pcm"), SECOND)
    async with hearing(client.app, get(job, bearer(key))) as line:
        line.stall()
        await line.open()
        assert await line.chunk() == SECOND[:1_000]
        client.parts.keys.remove(stored_id(key) or "")
        assert await line.cut() == b""


async def test_what_was_spoken_for_a_revoked_key_is_stopped(make_client: MakeClient) -> None:
    client = make_client(require_auth=True, key_cache_seconds=0, recheck_seconds=0.01)
    key = store_key(client.parts, "alice", "speech")
    request = post()
    request.headers.update(bearer(key))
    async with hearing(client.app, request) as line:
        job = start_job(client.parts, await submitted(client.parts))
        say(client.parts, job, SECOND)
        await line.open()
        assert await line.chunk() == SECOND
        client.parts.keys.remove(stored_id(key) or "")
        assert await line.cut() == b""
    assert client.parts.jobs.get(job.id).cancel_requested


async def test_a_store_of_keys_that_is_away_ends_nothing(make_client: MakeClient) -> None:
    client = make_client(require_auth=True, key_cache_seconds=0, recheck_seconds=0.001)
    job = start_job(client.parts, add_job(client.parts, owner="alice", format="pcm", stream=True))
    say(client.parts, job, SECOND)
    async with hearing(client.app, get(job, bearer(store_key(client.parts, "alice", "speech")))) as line:
        await line.open()
        assert await line.chunk() == SECOND
        client.parts.keys.down = True
        # Nothing tells of the rest: it is found when it is looked for, many checks of the key later.
        client.parts.events.down = True
        say(client.parts, job, SECOND, b"", first=2)
        assert await line.rest() == SECOND


# --- over a WebSocket ------------------------------------------------------------------------------


async def test_a_job_is_heard_over_a_websocket(client: Client) -> None:
    job = start_job(client.parts, add_job(client.parts, format="pcm", stream=True, sample_rate=24_000))
    async with calling(client.app, f"/jobs/{job.id}/stream") as socket:
        assert await socket.message() == {
            "event": "started",
            "format": "pcm",
            "content_type": "audio/pcm",
            "sample_rate": 24_000,
            "job_id": job.id,
        }
        say(client.parts, job, SECOND)
        assert await socket.audio(len(SECOND)) == SECOND
        assert client.parts.jobs.get(job.id).status is JobStatus.PROCESSING
        say(client.parts, job, SECOND, b"", first=2)
        assert await socket.audio(len(SECOND)) == SECOND
        assert await socket.message() == {"event": "done", "job_id": job.id}
        assert (await socket.message())["code"] == 1000


async def test_so_is_one_that_is_over(client: Client) -> None:
    job = run_job(client.parts, add_job(client.parts), b"RIFF" * 10_000)
    async with calling(client.app, f"/jobs/{job.id}/stream") as socket:
        assert (await socket.message())["format"] == "wav"
        assert await socket.audio(40_000) == b"RIFF" * 10_000
        assert (await socket.message())["event"] == "done"


async def test_what_goes_wrong_is_told_there_too(client: Client) -> None:
    job = start_job(client.parts, add_job(client.parts, format="pcm", stream=True))
    async with calling(client.app, f"/jobs/{job.id}/stream") as socket:
        say(client.parts, job, SECOND)
        await socket.message()
        await socket.audio(len(SECOND))
        client.parts.jobs.replace(job, fail(job, 1, FAULT, client.parts.clock()))
        assert (await socket.message())["problem"]["type"] == "/problems/engine-out-of-memory"
        assert (await socket.message())["code"] == 4500
    async with calling(client.app, "/jobs/none/stream") as socket:
        assert (await socket.message())["problem"]["status"] == 404


async def test_who_leaves_there_changes_nothing(client: Client) -> None:
    job = start_job(client.parts, add_job(client.parts, format="pcm", stream=True))
    async with calling(client.app, f"/jobs/{job.id}/stream") as socket:
        await socket.message()
    assert client.parts.events.listened() == []
    assert not client.parts.jobs.get(job.id).cancel_requested
