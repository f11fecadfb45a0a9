"""Texts that are too long to be waited for: how they are taken in, told of, heard and deleted."""

import hashlib
import io
from collections.abc import Callable

import httpx
import pytest

from f5_tts_core.audio import encode
from f5_tts_core.audio.lossless import pack, unpack
from f5_tts_core.joining import cross_fade
from f5_tts_core.testing import speech_like
from f5_tts_core.types import Waveform
from services.shared.chunks import ChunkEntry, chunk_key, encode_playlist, playlist_key
from services.shared.job import Job, JobStatus, LongText, claim, release, text_key
from services.shared.parts import Parts
from services.shared.priority import Priority
from tests.unit.api.client import REFERENCE, REFERENCE_TEXT, Client, add_job, run_job, start_job
from tests.unit.api.live import hearing

CHAPTER = "It was a quiet morning. " * 200
LONG = LongText("0" * 64, 5_000, 5_000)


def stored(client: Client, response: httpx.Response) -> Job:
    assert response.status_code == 202, response.text
    return client.parts.jobs.get(response.json()["job_id"])


# --- taken in -----------------------------------------------------------------------------------


def test_a_text_beyond_what_can_be_waited_for_becomes_a_long_job(client: Client) -> None:
    response = client.speak(text=CHAPTER)
    job = stored(client, response)
    assert job.input.long == LongText(hashlib.sha256(CHAPTER.encode()).hexdigest(), 4_800, 4_800)
    assert client.parts.blobs.get(text_key(job.id)).decode() == CHAPTER
    assert job.priority is Priority.BULK
    # A record is read often: it holds the beginning alone.
    assert response.json()["input"]["text"] == CHAPTER[:200] == job.input.text
    assert response.json()["input"]["characters"] == 4_800


def test_a_short_text_is_a_long_job_where_that_is_asked_for(client: Client) -> None:
    job = stored(client, client.speak(text="Hello.", long="true"))
    assert (job.input.long, job.input.text) == (LongText(hashlib.sha256(b"Hello.").hexdigest(), 6, 6), "Hello.")
    assert stored(client, client.speak(text="Hello.")).input.long is None


def test_long_texts_have_a_limit_of_their_own(client: Client) -> None:
    # Four bytes each: as long as a text can be.
    assert stored(client, client.speak(text="𠀀" * 100_000)).input.characters == 100_000
    problem = client.speak(text="a" * 100_001)
    assert (problem.status_code, problem.json()["type"]) == (422, "/problems/text-too-long")
    assert "100001" in problem.json()["detail"]
    assert "100000" in problem.json()["detail"]


def test_nobody_waits_for_a_long_text(client: Client) -> None:
    response = client.speak(text=CHAPTER, headers={"Prefer": "wait=60"})
    assert stored(client, response).status is JobStatus.QUEUED
    assert "preference-applied" not in response.headers
    problem = client.speak(text=CHAPTER, mode="sync").json()
    assert (problem["status"], problem["field"], problem["accepted"]) == (422, "mode", "async, or left out")


def test_what_is_waited_for_keeps_its_limit_and_says_who_takes_more(client: Client) -> None:
    data = {"text": CHAPTER, "ref_text": REFERENCE_TEXT}
    files = {"voice": ("voice.wav", REFERENCE, "audio/wav")}
    problem = client.post("/tts/stream", data=data, files=files).json()
    said = "at most 4096 are accepted. POST /tts takes up to 100000, as a long job."
    assert (problem["type"], problem["field"]) == ("/problems/text-too-long", "text")
    assert problem["detail"].endswith(said)
    speech = client.post("/v1/audio/speech", json={"model": "tts-1", "voice": "sample", "input": CHAPTER})
    assert speech.status_code == 400
    assert said in speech.json()["error"]["message"]
    transcript = client.speak(text="Hello.", ref_text=CHAPTER).json()
    assert (transcript["type"], transcript["field"]) == ("/problems/text-too-long", "ref_text")
    assert "POST /tts" not in transcript["detail"]


def test_who_takes_no_more_is_not_pointed_to(make_client: Callable[..., Client]) -> None:
    data = {"text": CHAPTER, "ref_text": REFERENCE_TEXT}
    files = {"voice": ("voice.wav", REFERENCE, "audio/wav")}
    client = make_client(max_long_text_characters=4_096)
    assert "POST /tts" not in client.post("/tts/stream", data=data, files=files).json()["detail"]
    assert "POST /tts" not in client.speak(text=CHAPTER).json()["detail"]


def test_what_fails_leaves_no_text_behind(client: Client) -> None:
    client.parts.jobs.down = True
    assert client.speak(text=CHAPTER).status_code == 503
    assert client.parts.blobs.blobs == {}


def test_deleting_the_job_takes_text_and_chunks_along(client: Client) -> None:
    job = stored(client, client.speak(text=CHAPTER))
    client.parts.blobs.put(chunk_key(job.id, "a" * 64), io.BytesIO(b"chunk"), 5, "audio/flac")
    other = chunk_key("f" * 32, "a" * 64)
    client.parts.blobs.put(other, io.BytesIO(b"chunk"), 5, "audio/flac")
    assert client.delete(f"/jobs/{job.id}").status_code == 204
    assert list(client.parts.blobs.blobs) == [other]


def test_canceled_before_it_began_it_leaves_no_text(client: Client) -> None:
    job = stored(client, client.speak(text=CHAPTER))
    assert client.post(f"/jobs/{job.id}/cancel").status_code == 200
    assert client.parts.blobs.blobs == {}


# --- heard while it is spoken -------------------------------------------------------------------

CHUNKS = [pack(speech_like(seconds, seed)) for seed, seconds in enumerate((1.0, 1.5, 1.2))]
SPEECH = encode(Waveform(cross_fade([unpack(chunk) for chunk in CHUNKS], 0.15)), "pcm")


def put(parts: Parts, key: str, content: bytes) -> None:
    parts.blobs.put(key, io.BytesIO(content), len(content), "audio/flac")


def plan(parts: Parts, job: Job, names: str = "abc") -> None:
    """What an attempt writes first."""
    put(
        parts, playlist_key(job.id, job.attempt), encode_playlist([ChunkEntry(name, ends_turn=False) for name in names])
    )


def keep(parts: Parts, job: Job, *names: str) -> None:
    for name in names:
        put(parts, chunk_key(job.id, name), CHUNKS["abc".index(name)])


def get(job: Job) -> httpx.Request:
    return httpx.Request("GET", f"http://timbre.test/jobs/{job.id}/stream")


def streamed(parts: Parts) -> Job:
    return start_job(parts, add_job(parts, format="pcm", stream=True, long=LONG))


def again(parts: Parts, job: Job) -> Job:
    """The worker died, and another one took the job."""
    running = parts.jobs.get(job.id)
    released = parts.jobs.replace(running, release(running, running.attempt, 0.0, setback=True))
    return parts.jobs.replace(released, claim(released, "worker-2", parts.clock(), 10.0))


class TestHearing:
    @pytest.fixture
    def anyio_backend(self) -> str:
        return "asyncio"

    pytestmark = pytest.mark.anyio

    async def test_chunks_are_heard_as_they_are_kept(self, client: Client) -> None:
        job = streamed(client.parts)
        async with hearing(client.app, get(job)) as line:
            plan(client.parts, job)
            keep(client.parts, job, "a")
            await line.open()
            assert (line.status, line.headers["content-type"]) == (200, "audio/pcm")
            heard = await line.chunk()
            assert SPEECH.startswith(heard)
            keep(client.parts, job, "b", "c")
            assert heard + await line.rest() == SPEECH

    async def test_what_was_spoken_before_comes_at_once_and_a_crash_is_not_heard(self, client: Client) -> None:
        job = streamed(client.parts)
        plan(client.parts, job)
        keep(client.parts, job, "a", "b")
        async with hearing(client.app, get(job)) as line:
            await line.open()
            heard = await line.chunk() + await line.chunk()
            job = again(client.parts, job)
            plan(client.parts, job)
            keep(client.parts, job, "c")
            assert heard + await line.rest() == SPEECH

    async def test_whoever_listens_slowly_misses_nothing(self, client: Client) -> None:
        """The job is over long before its speech is."""
        job = streamed(client.parts)
        plan(client.parts, job)
        keep(client.parts, job, "a")
        async with hearing(client.app, get(job)) as line:
            await line.open()
            heard = await line.chunk()
            keep(client.parts, job, "b", "c")
            running = client.parts.jobs.get(job.id)
            released = client.parts.jobs.replace(running, release(running, running.attempt, 0.0))
            ended = run_job(client.parts, released)
            plan(client.parts, ended)
            assert heard + await line.rest() == SPEECH

    async def test_another_attempt_that_speaks_something_else_breaks_it_off(self, client: Client) -> None:
        job = streamed(client.parts)
        plan(client.parts, job)
        keep(client.parts, job, "a")
        async with hearing(client.app, get(job)) as line:
            await line.open()
            await line.chunk()
            plan(client.parts, again(client.parts, job), "cba")
            assert await line.cut() == b""

    async def test_an_ended_job_answers_its_audio(self, client: Client) -> None:
        job = add_job(client.parts, format="pcm", stream=True, long=LONG)
        job = run_job(client.parts, job, b"audio")
        plan(client.parts, job)
        keep(client.parts, job, "a", "b", "c")
        async with hearing(client.app, get(job)) as line:
            await line.open()
            assert await line.rest() == b"audio"
