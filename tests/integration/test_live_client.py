"""Our own client speaking a text while it is written, against a served API with a worker."""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any

import anyio
import pytest

from services.shared.job import Job
from services.shared.servers import wait_until_answers
from tests.served import Served
from tests.unit.api.client import ALICE
from timbre_client import (
    AsyncTimbre,
    AuthenticationError,
    InvalidRequestError,
    LiveEvent,
    NotFoundError,
    ServerUnreachable,
    Timbre,
)

TEXT = ["The first sent", "ence is whole. And", " the sec", "ond one is, too."]


def spoken(served: Served, events: list[LiveEvent]) -> bytes:
    """What is stored of the jobs that were heard."""
    assert [event.name for event in (events[0], events[-1])] == ["started", "done"]
    return b"".join(_stored(served, job_id) for job_id in events[-1].data["job_ids"])


def _stored(served: Served, job_id: str) -> bytes:
    """Once the job is committed, which who hears it is not told of."""
    stored: list[bytes] = []

    def look() -> None:
        output = served.parts.jobs.get(job_id).output
        assert output is not None
        stored.append(served.parts.blobs.get(output.key))

    wait_until_answers(look, retry_on=AssertionError)
    return stored[0]


def test_a_text_is_heard_while_it_is_written(served: Served) -> None:
    heard, events, is_heard = b"", [], threading.Event()

    def words() -> Iterator[str]:
        yield from TEXT[:2]
        assert is_heard.wait(20)
        yield from TEXT[2:]

    with Timbre(served.url, ALICE) as client:
        for audio in client.tts.live(words(), voice_id="sample", format="pcm", seed=3, on_event=events.append):
            heard += audio
            is_heard.set()
    assert heard == spoken(served, events)
    chunks = [event.data["text"] for event in events if event.name == "chunk"]
    assert chunks == ["The first sentence is whole.", "And the second one is, too."]
    assert "sentence" not in repr(events)


def test_under_asyncio_too(served: Served) -> None:
    heard, events = bytearray(), []

    async def speak() -> None:
        is_heard = asyncio.Event()

        async def words() -> AsyncIterator[str]:
            for word in TEXT[:2]:
                yield word
            await is_heard.wait()
            for word in TEXT[2:]:
                yield word

        async with AsyncTimbre(served.url, ALICE) as client:
            async for audio in client.tts.live(words(), voice_id="sample", format="pcm", on_event=events.append):
                heard.extend(audio)
                is_heard.set()

    anyio.run(speak)
    assert bytes(heard) == spoken(served, events)


def test_who_leaves_early_stops_the_work(served: Served) -> None:
    with Timbre(served.url, ALICE) as client:
        # Enough for twenty jobs, each with more audio than lines hold.
        audio = client.tts.live(["And so on. "] * 900, voice_id="sample", sample_rate=48_000)
        next(audio)
        audio.close()  # type: ignore[attr-defined]  # a generator, as all of Python's own are

    def jobs() -> list[Job]:
        found = served.parts.jobs.page("alice", limit=100).jobs
        assert all(job.status.is_terminal for job in found)
        return list(found)

    wait_until_answers(jobs)
    assert 1 <= len(jobs()) < 15


@pytest.mark.parametrize(
    ("asked", "error", "field"),
    [
        ({"voice_id": "nobody"}, NotFoundError, "voice_id"),
        ({"voice_id": "sample", "speed": 9.0}, InvalidRequestError, "speed"),
    ],
)
def test_what_is_wrong_is_raised_as_of_any_request(
    served: Served, asked: dict[str, Any], error: Any, field: str
) -> None:
    with Timbre(served.url, ALICE) as client, pytest.raises(error) as refused:
        list(client.tts.live(["Hello."], **asked))
    assert refused.value.field == field
    with Timbre(served.url, "wrong") as client, pytest.raises(AuthenticationError):
        list(client.tts.live(["Hello."], voice_id="sample"))


def test_what_the_text_raises_is_raised(served: Served) -> None:
    def words() -> Iterator[str]:
        yield "Hello. And"
        raise LookupError("no more words")

    async def speak() -> None:
        async with AsyncTimbre(served.url, ALICE) as client:
            async for _ in client.tts.live(words(), voice_id="sample"):
                continue

    with pytest.raises(LookupError, match="no more words"):
        anyio.run(speak)
    with Timbre(served.url, ALICE) as client, pytest.raises(LookupError, match="no more words"):
        list(client.tts.live(words(), voice_id="sample"))


def test_a_server_that_is_not_there_is_told() -> None:
    with Timbre("http://127.0.0.1:1") as client, pytest.raises(ServerUnreachable) as away:
        list(client.tts.live(["Hello."], voice_id="sample"))
    assert not away.value.sent
