"""`/tts/live`: text in piece by piece, speech out in its order, and no work left behind by who leaves."""

import io
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import av
import pytest

from f5_tts_core.testing import speech_like
from services.api.listening.playing import FRAME_BYTES
from services.shared.job import Job, JobFault, JobStatus, fail, release
from services.shared.testing.voices import make_voice
from tests.unit.api.client import ALICE, SECOND, Client, bearer, say, start_job, store_key
from tests.unit.api.live import Socket, calling, submitted

pytestmark = pytest.mark.anyio
MakeClient = Callable[..., Client]

FAULT = JobFault("engine-out-of-memory", "The device ran out of memory", "It did.")


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@asynccontextmanager
async def session(client: Client, headers: dict[str, str] | None = None, **start: Any) -> AsyncIterator[Socket]:
    """One that was started: PCM in the bundled voice, but for what is given."""
    async with calling(client.app, "/tts/live", headers=headers) as socket:
        tell(socket, **{"voice_id": "sample", "format": "pcm", **start})
        yield socket


@asynccontextmanager
async def started(client: Client, **start: Any) -> AsyncIterator[Socket]:
    async with session(client, **start) as socket:
        assert (await socket.message())["event"] == "started"
        yield socket


def tell(socket: Socket, **message: Any) -> None:
    socket.say(json.dumps(message))


async def working(client: Client, number: int = 1) -> Job:
    """The job that was submitted as the first, or second, …, being spoken."""
    return start_job(client.parts, await submitted(client.parts, number))


async def close_of(socket: Socket, error: dict[str, Any]) -> str:
    """The type of a problem that ended the session, told twice."""
    slug: str = error["problem"]["type"].removeprefix("/problems/")
    assert error["event"] == "error"
    assert await socket.message() == {"code": 4000 + error["problem"]["status"], "reason": slug}
    await socket.over()
    return slug


async def test_a_sentence_is_heard_while_the_text_is_written(client: Client) -> None:
    async with started(client, seed=3) as socket:
        for token in ("Hello ", "there.", " How"):
            socket.say(token)
        job = await working(client)
        assert (job.input.text, job.input.seed, job.input.format) == ("Hello there.", 3, "pcm")
        assert (job.input.stream, job.input.cache) == (True, False)
        say(client.parts, job, SECOND)
        chunk = await socket.message()
        assert chunk == {
            "event": "chunk",
            "job_id": job.id,
            "text": "Hello there.",
            "start": 0,
            "end": 12,
            "audio_start_s": 0.0,
        }
        assert await socket.audio(len(SECOND)) == SECOND
        assert client.parts.jobs.get(job.id).status is JobStatus.PROCESSING
        say(client.parts, job, b"", first=2)
        tell(socket, text=" are you?", end=True)
        second = await working(client, 2)
        say(client.parts, second, SECOND, b"")
        chunk = await socket.message()
        assert (chunk["text"], chunk["start"], chunk["end"], chunk["audio_start_s"]) == ("How are you?", 13, 25, 1.0)
        assert await socket.audio(len(SECOND)) == SECOND
        done = await socket.message()
        assert done == {
            "event": "done",
            "job_ids": [job.id, second.id],
            "characters": 25,
            "duration_s": 2.0,
            "first_audio_s": 0.0,
        }
        assert (await socket.message())["code"] == 1000
        await socket.over()
    assert not client.parts.jobs.get(second.id).cancel_requested


async def test_the_next_is_spoken_while_one_is_heard_and_no_more(client: Client) -> None:
    async with started(client) as socket:
        tell(socket, text="First. ", flush=True)
        first = await working(client)
        say(client.parts, first, SECOND)
        assert (await socket.message())["text"] == "First."
        tell(socket, text="Second. ", flush=True)
        second = await working(client, 2)
        # Ready before its turn: it waits for that.
        say(client.parts, second, SECOND[::-1], b"")
        tell(socket, text="Third. ", flush=True)
        tell(socket, text="Fourth.", end=True)
        assert await socket.audio(len(SECOND)) == SECOND
        assert len(client.parts.queue.sent) == 2
        say(client.parts, first, b"", first=2)
        assert (await socket.message())["text"] == "Second."
        assert await socket.audio(len(SECOND)) == SECOND[::-1]
        third = await working(client, 3)
        # What waited meanwhile is spoken in one go.
        assert third.input.text == "Third. Fourth."
        say(client.parts, third, b"")
        assert (await close_of(socket, await socket.message())) == "speech-broken-off"


async def test_the_session_is_one_file_in_the_format_that_was_asked_for(client: Client) -> None:
    samples = (speech_like(1.0).samples * 32_767).astype("<i2").tobytes()
    async with session(client, format="mp3", sample_rate=48_000) as socket:
        assert await socket.message() == {
            "event": "started",
            "format": "mp3",
            "content_type": "audio/mpeg",
            "sample_rate": 48_000,
        }
        for number, text in enumerate(("One.", "Two."), 1):
            tell(socket, text=text, flush=True)
            say(client.parts, await working(client, number), samples, b"")
        tell(socket, end=True)
        heard, events = b"", []
        while not events or "code" not in events[-1]:
            frame = await socket.frame()
            if isinstance(frame, bytes):
                assert len(frame) <= FRAME_BYTES
                heard += frame
            else:
                events.append(frame)
        assert [event.get("event") for event in events] == ["chunk", "chunk", "done", None]
    with av.open(io.BytesIO(heard)) as container:
        frames = [frame.samples for frame in container.decode(audio=0)]
    assert sum(frames) == pytest.approx(96_000, abs=5_000)


async def test_a_text_without_words_is_done_at_once(client: Client) -> None:
    async with started(client) as socket:
        tell(socket, text=" ... ", end=True)
        assert (await socket.message())["job_ids"] == []
        assert (await socket.message())["code"] == 1000
    assert client.parts.queue.sent == []


async def test_a_stored_voice_is_found_by_its_name(client: Client) -> None:
    voice = make_voice(client.parts.clock(), owner="anonymous", name="Anna")
    client.parts.voices.add(voice, limit=1)
    async with started(client, voice_id="anna") as socket:
        tell(socket, text="Hello.", flush=True)
        assert (await submitted(client.parts)).input.voice_id == voice.id


async def test_a_name_means_one_voice_until_the_session_s_end(client: Client) -> None:
    voice = make_voice(client.parts.clock(), owner="anonymous", name="Anna")
    client.parts.voices.add(voice, limit=2)
    async with started(client, voice_id="anna") as socket:
        client.parts.voices.replace(voice, replace(voice, name="Hanna"))
        client.parts.voices.add(make_voice(client.parts.clock(), owner="anonymous", name="Anna"), limit=2)
        tell(socket, text="Hello.", flush=True)
        assert (await submitted(client.parts)).input.voice_id == voice.id


async def test_in_a_voice_that_was_deleted_meanwhile_nothing_more_is_said(client: Client) -> None:
    voice = make_voice(client.parts.clock(), owner="anonymous", name="Anna")
    client.parts.voices.add(voice, limit=1)
    async with started(client, voice_id="anna") as socket:
        client.parts.voices.remove(voice.id)
        tell(socket, text="Hello.", flush=True)
        assert await close_of(socket, await socket.message()) == "voice-not-found"
    assert client.parts.queue.sent == []


# --- who leaves ------------------------------------------------------------------------------------


async def test_who_leaves_stops_all_that_is_spoken_for_it(client: Client) -> None:
    async with started(client) as socket:
        tell(socket, text="First. ", flush=True)
        first = await working(client)
        say(client.parts, first, SECOND)
        assert (await socket.message())["event"] == "chunk"
        tell(socket, text="Second. ", flush=True)
        second = await submitted(client.parts, 2)
        tell(socket, text="Third. ", flush=True)
    assert client.parts.jobs.get(first.id).cancel_requested
    assert client.parts.jobs.get(second.id).status is JobStatus.CANCELED
    assert len(client.parts.queue.sent) == 2
    assert client.parts.events.listened() == []


async def test_who_leaves_in_the_moment_of_submission_does_too(client: Client) -> None:
    async with started(client) as socket:
        add = client.parts.jobs.add

        def leave(job: Job, **options: Any) -> None:
            socket.leave()
            add(job, **options)

        client.parts.jobs.add = leave
        tell(socket, text="Hello.", flush=True)
        await socket.over()
    [job] = client.parts.jobs.page("anonymous", limit=10).jobs
    assert job.status is JobStatus.CANCELED


async def test_who_says_nothing_is_let_go(make_client: MakeClient) -> None:
    client = make_client(live_idle_seconds=0.01)
    async with calling(client.app, "/tts/live") as socket:
        assert await close_of(socket, await socket.message()) == "session-idle"
    async with started(client) as socket:
        socket.say("Half a sen")
        error = await socket.message()
        assert "not spoken" in error["problem"]["detail"]
        assert '{"flush": true}' in error["problem"]["accepted"]
        assert await close_of(socket, error) == "session-idle"
    async with started(client) as socket:
        socket.say(" … ")
        error = await socket.message()
        assert error["problem"]["detail"].endswith("and all was spoken.")
        assert await close_of(socket, error) == "session-idle"


async def test_who_listens_is_not_idle(make_client: MakeClient) -> None:
    client = make_client(live_idle_seconds=0.01)
    # Nothing tells of the audio: it is found when it is looked for, many idle times later.
    client.parts.events.down = True
    async with started(client) as socket:
        tell(socket, text="Hello.", flush=True)
        say(client.parts, await working(client), SECOND)
        assert (await socket.message())["event"] == "chunk"


async def test_no_session_lasts_for_ever(make_client: MakeClient) -> None:
    client = make_client(live_session_seconds=0.01)
    async with started(client) as socket:
        tell(socket, text="Hello.", flush=True)
        assert await close_of(socket, await socket.message()) == "session-over"
    jobs = client.parts.jobs.page("anonymous", limit=10).jobs
    assert all(job.status is JobStatus.CANCELED for job in jobs)


async def test_speech_that_is_waited_for_too_long_ends_it(make_client: MakeClient) -> None:
    client = make_client(max_wait_seconds=0.01)
    async with started(client) as socket:
        tell(socket, text="Hello.", flush=True)
        assert await close_of(socket, await socket.message()) == "not-in-time"
    assert client.parts.jobs.get(client.parts.queue.sent[0]).status is JobStatus.CANCELED


# --- what is wrong ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("start", "slug", "field"),
    [
        ({"voice_id": "nobody"}, "voice-not-found", "voice_id"),
        ({"voice_id": None}, "field-invalid", "voice_id"),
        ({"speed": 9}, "field-invalid", "speed"),
        ({"sample_rate": 11}, "field-invalid", "sample_rate"),
        ({"loudness": -16}, "field-invalid", "loudness"),
        ({"cache": True}, "field-invalid", "cache"),
        ({"text": "Hello."}, "field-invalid", "text"),
    ],
)
async def test_a_start_that_is_wrong_is_told_so(client: Client, start: dict[str, Any], slug: str, field: str) -> None:
    async with session(client, **start) as socket:
        error = await socket.message()
        assert error["problem"]["field"] == field
        assert error["problem"]["instance"] == "/tts/live"
        assert await close_of(socket, error) == slug


async def test_a_session_that_begins_with_its_text_is_told_how_to_begin(client: Client) -> None:
    async with calling(client.app, "/tts/live") as socket:
        socket.say("Hello there.")
        error = await socket.message()
        assert "voice_id" in error["problem"]["accepted"]
        assert await close_of(socket, error) == "json-malformed"


@pytest.mark.parametrize(
    ("message", "slug"),
    [
        ({"text": '{"text": 7}'}, "field-invalid"),
        ({"text": '{"speed": 7}'}, "field-invalid"),
        ({"text": "{"}, "json-malformed"),
        ({"bytes": b"Hello."}, "json-malformed"),
        ({"text": "a" * 51}, "text-too-long"),
    ],
)
async def test_a_message_that_is_wrong_is_told_so(make_client: MakeClient, message: dict[str, Any], slug: str) -> None:
    async with started(make_client(max_live_characters=50)) as socket:
        socket.send({"type": "websocket.receive", **message})
        assert await close_of(socket, await socket.message()) == slug


async def test_nothing_is_added_to_a_text_that_was_ended(client: Client) -> None:
    async with started(client) as socket:
        tell(socket, text="Hello.", end=True)
        tell(socket, text="And another thing.")
        assert await close_of(socket, await socket.message()) == "field-invalid"


async def test_what_cannot_be_said_is_left_out_and_told(make_client: MakeClient) -> None:
    client = make_client(engine="f5")
    async with started(client) as socket:
        tell(socket, text="Ж. ", flush=True)
        error = await socket.message()
        assert (error["event"], error["problem"]["type"]) == ("error", "/problems/text-unsupported-characters")
        assert (error["text"], error["start"], error["end"]) == ("Ж.", 0, 2)
        tell(socket, text="Hello.", end=True)
        job = await working(client)
        say(client.parts, job, SECOND, b"")
        assert (await socket.message())["text"] == "Hello."
        await socket.audio(len(SECOND))
        assert (await socket.message())["job_ids"] == [job.id]


async def test_a_job_that_fails_says_why(client: Client) -> None:
    async with started(client) as socket:
        tell(socket, text="Hello.", flush=True)
        job = await working(client)
        client.parts.jobs.replace(job, fail(job, 1, FAULT, client.parts.clock()))
        error = await socket.message()
        assert error["problem"]["job_id"] == job.id
        assert await close_of(socket, error) == FAULT.type


async def test_no_second_attempt_repeats_what_was_heard(client: Client) -> None:
    async with started(client) as socket:
        tell(socket, text="Hello.", flush=True)
        job = await working(client)
        say(client.parts, job, SECOND)
        assert (await socket.message())["event"] == "chunk"
        await socket.audio(len(SECOND))
        running = client.parts.jobs.get(job.id)
        client.parts.jobs.replace(running, release(running, running.attempt, client.parts.clock(), setback=True))
        assert await close_of(socket, await socket.message()) == "speech-broken-off"


async def test_a_store_that_is_away_is_told(client: Client) -> None:
    async with started(client) as socket:
        client.parts.jobs.down = True
        tell(socket, text="Hello.", flush=True)
        assert await close_of(socket, await socket.message()) == "job-store-unavailable"


async def test_the_caller_s_limits_hold(make_client: MakeClient) -> None:
    client = make_client(require_auth=True, tenant_concurrent_jobs=1)
    key = store_key(client.parts, "alice", "speech")
    async with session(client, bearer(key)) as socket:
        assert (await socket.message())["event"] == "started"
        tell(socket, text="First. ", flush=True)
        await submitted(client.parts)
        tell(socket, text="Second. ", flush=True)
        say(client.parts, start_job(client.parts, await submitted(client.parts)), SECOND, b"")
        await socket.message()
        await socket.audio(len(SECOND))
        assert await close_of(socket, await socket.message()) == "job-limit-reached"


async def test_a_key_comes_before_the_start_where_it_does_not_come_in_a_header(locked: Client) -> None:
    async with calling(locked.app, "/tts/live") as socket:
        tell(socket, api_key=ALICE)
        tell(socket, voice_id="sample")
        assert (await socket.message())["event"] == "started"
        tell(socket, text="Hello.", flush=True)
        assert (await submitted(locked.parts)).owner == "alice"
    async with calling(locked.app, "/tts/live") as socket:
        tell(socket, voice_id="sample")
        assert await close_of(socket, await socket.message()) == "unauthorized"


async def test_only_pages_that_may_call_the_api_may_speak(client: Client) -> None:
    async with session(client, {"Origin": "https://evil.test"}) as socket:
        assert (await socket.message())["code"] == 1008
