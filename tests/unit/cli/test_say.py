"""`timbre say` from submission to file."""

from pathlib import Path
from typing import Any

import httpx
import pytest

from services.cli.client import in_plain_words
from services.cli.commands.say import format_of, read_text, save, submit, wait
from services.cli.errors import CliError
from timbre_client import Job, SpeechOptions
from timbre_client.decoding import decode

from .api import AUDIO, ScriptedApi, client_of, job, problem


def reading(document: dict[str, Any]) -> Job:
    return decode(Job, document)


def readings(*jobs: dict[str, Any]) -> ScriptedApi:
    return ScriptedApi(
        {
            "GET /jobs/j1": [httpx.Response(200, json=one) for one in jobs],
            "POST /jobs/j1/cancel": [httpx.Response(200, json=job("canceled"))],
        }
    )


def waited(api: ScriptedApi, seen: list[str] | None = None) -> Job:
    """What becomes of a queued job, as `timbre say` waits for it."""
    watched = [] if seen is None else seen
    with in_plain_words():
        return wait(client_of(api), reading(job("queued")), lambda current: watched.append(current.status))


@pytest.mark.parametrize(
    ("name", "expected"),
    [("a.wav", "wav"), ("a.FLAC", "flac"), ("a.b/c.mp3", "mp3"), ("a.opus", "opus"), ("a.ogg", "opus"), ("a", None)],
)
def test_the_file_s_name_says_what_it_is(name: str, expected: str | None) -> None:
    assert format_of(Path(name)) == expected


def test_a_file_that_would_be_something_else_than_it_is_called_is_not_written() -> None:
    with pytest.raises(CliError, match=r"\.m4a") as refused:
        format_of(Path("a.m4a"))
    assert "wav, flac, mp3, opus, aac, pcm" in refused.value.hint


def test_a_text_is_read_from_a_file_as_it_is(tmp_path: Path) -> None:
    chapter = tmp_path / "chapter.txt"
    chapter.write_bytes("\ufeffIt was late.\n\n– Où est-il?\n".encode())
    assert read_text(None, chapter) == "It was late.\n\n– Où est-il?\n"


@pytest.mark.parametrize(
    ("content", "message", "hint"),
    [(None, "cannot be read: No such file", ""), ("Où".encode("latin-1"), "no text in UTF-8", "Its byte 2 is not.")],
)
def test_a_file_that_is_no_text(tmp_path: Path, content: bytes | None, message: str, hint: str) -> None:
    chapter = tmp_path / "chapter.txt"
    if content is not None:
        chapter.write_bytes(content)
    with pytest.raises(CliError, match=message) as refused:
        read_text(None, chapter)
    assert refused.value.hint == hint


def test_it_waits_and_shows_each_reading() -> None:
    seen: list[str] = []
    assert waited(readings(job("processing"), job("succeeded")), seen).status == "succeeded"
    assert seen == ["queued", "processing", "succeeded"]


def test_a_server_that_is_restarted_meanwhile_costs_nothing() -> None:
    api = readings(job("succeeded"))
    api.routes["GET /jobs/j1"] = [
        httpx.ConnectError("refused"),
        problem(503),
        httpx.Response(200, json=job("succeeded")),
    ]
    assert waited(api).status == "succeeded"


def test_one_that_stays_away_is_given_up() -> None:
    api = ScriptedApi({"GET /jobs/j1": [httpx.ConnectError("refused")]})
    with pytest.raises(CliError, match="does not answer"):
        waited(api)
    assert len(api.requests) > 20


@pytest.mark.parametrize(
    ("ended", "message", "hint"),
    [
        (job("failed", error={"type": "t", "title": "T", "detail": "Out of memory."}), "Out of memory.", ""),
        (job("failed", error={"type": "t", "title": "Some title", "detail": ""}), "Some title", ""),
        (job("expired"), "The job is expired.", "Its id is j1."),
        (job("canceled"), "The job is canceled.", "Its id is j1."),
    ],
)
def test_another_end_is_an_error(ended: dict[str, Any], message: str, hint: str) -> None:
    with pytest.raises(CliError) as caught:
        waited(readings(ended))
    assert (caught.value.message, caught.value.hint) == (message, hint)


def test_an_interrupt_cancels_the_job() -> None:
    def interrupt(_job: Job) -> None:
        raise KeyboardInterrupt

    api = readings(job("processing"))
    with pytest.raises(CliError, match="Canceled") as caught:
        wait(client_of(api), reading(job("queued")), interrupt)
    assert caught.value.exit_code == 130
    assert api.asked() == ["POST /jobs/j1/cancel"]


def saved(api: ScriptedApi, path: Path) -> Path:
    with in_plain_words():
        return save(client_of(api), reading(job("succeeded")), path)


def test_the_audio_is_saved_where_asked(tmp_path: Path) -> None:
    path = saved(readings(job("succeeded")), tmp_path / "new" / "hello.wav")
    assert path.read_bytes() == AUDIO


def test_damaged_audio_is_not_saved(tmp_path: Path) -> None:
    damaged = job("succeeded")
    damaged["output"]["sha256"] = "0" * 64
    with pytest.raises(CliError, match="damaged") as caught:
        saved(readings(damaged), tmp_path / "hello.wav")
    assert caught.value.hint == "Fetch it again: timbre jobs show j1"
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CliError, match="cannot be written"):
        saved(readings(job("succeeded")), tmp_path / "file" / "hello.wav")


def submitted(answer: httpx.Response, voice: str) -> ScriptedApi:
    api = ScriptedApi({"POST /tts": [answer]})
    with in_plain_words():
        submit(client_of(api), "hi", None, voice, SpeechOptions())
    return api


@pytest.mark.parametrize("voice", ["Anna", "sample"])
def test_a_voice_is_passed_on_as_it_is_called(voice: str) -> None:
    api = submitted(httpx.Response(202, json=job("queued")), voice)
    assert api.asked() == ["POST /tts"]
    assert f'name="voice_id"\r\n\r\n{voice}\r\n'.encode() in api.requests[0].content


def test_a_voice_that_there_is_not() -> None:
    with pytest.raises(CliError, match="You have no voice `x`") as refused:
        submitted(problem(404, field="voice_id", detail="You have no voice of the name or id `x`."), "x")
    assert "timbre voices list" in refused.value.hint


def test_what_else_is_not_there_is_told_as_the_server_says_it() -> None:
    with pytest.raises(CliError, match="There is no model"):
        submitted(problem(404, field="model", detail="There is no model."), "x")


def test_a_voice_of_no_name_is_asked_of_nobody() -> None:
    with pytest.raises(CliError, match="empty"):
        submitted(httpx.Response(500), " ")
