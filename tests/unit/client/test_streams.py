"""Speech that is heard while it is spoken."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from services.shared.job import Job, JobFault, fail
from tests.unit.api.client import REFERENCE, REFERENCE_TEXT, SECOND, add_job, run_job, say, start_job
from timbre_client import ConflictError, JobFailed, NotFoundError, ServerError, ServerUnreachable

from .kit import Kit


class Breaking(httpx.AsyncByteStream, httpx.SyncByteStream):
    """A second of speech, and no proper end."""

    def __iter__(self) -> Iterator[bytes]:
        yield SECOND
        raise httpx.RemoteProtocolError("peer closed connection without sending complete message body")

    async def __aiter__(self):  # type: ignore[no-untyped-def]
        for piece in self:
            yield piece


def spoken(kit: Kit, *samples: bytes) -> Job:
    job = start_job(kit.parts, add_job(kit.parts, owner="alice", format="pcm", stream=True))
    say(kit.parts, job, *samples)
    return job


def broken(job: Job) -> httpx.Response:
    return httpx.Response(200, headers={"X-Job-Id": job.id}, stream=Breaking())


def test_a_job_is_heard_piece_by_piece(kit: Kit) -> None:
    job = spoken(kit, SECOND, SECOND, b"")
    speech = kit.call(kit.client.jobs.stream, job.id)
    assert (speech.job_id, speech.content_type) == (job.id, "audio/pcm")
    assert kit.call(speech.read, 10) == SECOND[:10]
    assert b"".join(kit.items(speech)) == SECOND[10:] + SECOND


def test_one_that_is_over_is_heard_as_it_is_stored(kit: Kit, tmp_path: Path) -> None:
    job = run_job(kit.parts, add_job(kit.parts, owner="alice"))
    path = kit.call(kit.call(kit.client.jobs.stream, job.id).save, tmp_path / "speech.wav")
    assert path.read_bytes() == b"RIFF-audio"


def test_what_keeps_it_from_being_heard_is_told(kit: Kit) -> None:
    with pytest.raises(NotFoundError):
        kit.call(kit.client.jobs.stream, "none")
    job = start_job(kit.parts, add_job(kit.parts, owner="alice"))
    kit.parts.jobs.replace(job, fail(job, 1, JobFault("x", "X", "It is too hard."), kit.parts.clock()))
    with pytest.raises(ServerError, match="too hard"):
        kit.call(kit.client.jobs.stream, job.id)
    canceled = add_job(kit.parts, owner="alice")
    kit.call(kit.client.jobs.cancel, canceled.id)
    with pytest.raises(ConflictError):
        kit.call(kit.client.jobs.stream, canceled.id)


def test_where_it_breaks_off_the_job_says_why(kit: Kit) -> None:
    job = spoken(kit, SECOND)
    kit.parts.jobs.replace(job, fail(job, 1, JobFault("x", "X", "It is too hard."), kit.parts.clock()))
    kit.served.happenings.append(broken(job))
    speech = kit.call(kit.client.jobs.stream, job.id)
    assert kit.call(speech.read, len(SECOND)) == SECOND
    with pytest.raises(JobFailed, match="too hard"):
        kit.call(speech.read)


def test_where_the_job_goes_on_the_line_is_to_blame(kit: Kit) -> None:
    job = spoken(kit, SECOND)
    kit.served.happenings.append(broken(job))
    speech = kit.call(kit.client.jobs.stream, job.id)
    with pytest.raises(ServerUnreachable):
        kit.call(speech.read)


def test_nothing_is_saved_of_what_broke_off(kit: Kit, tmp_path: Path) -> None:
    kit.served.happenings.append(broken(spoken(kit, SECOND)))
    speech = kit.call(kit.client.jobs.stream, "any")
    with pytest.raises(ServerUnreachable):
        kit.call(speech.save, tmp_path / "speech.pcm")
    assert list(tmp_path.iterdir()) == []


def test_a_text_is_asked_for_once_since_who_comes_again_would_hear_nothing(kit: Kit) -> None:
    kit.served.happenings.append(httpx.ReadError("broken"))
    with pytest.raises(ServerUnreachable):
        kit.call(kit.client.tts.stream, "Hello there.", voice=REFERENCE, ref_text=REFERENCE_TEXT, format="mp3")
    assert kit.served.asked() == ["POST /tts/stream"]
    assert b'name="format"\r\n\r\nmp3' in kit.served.requests[0].content
