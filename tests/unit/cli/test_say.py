"""`timbre say` from submission to file."""

from dataclasses import fields
from pathlib import Path
from typing import Any

import httpx
import pytest

from services.cli.client import Address, ApiClient
from services.cli.commands.say import Options, format_of, save, wait
from services.cli.errors import CliError

from .api import AUDIO, ScriptedApi, job, problem


def client_of(api: ScriptedApi) -> ApiClient:
    return ApiClient(Address("http://api.test"), transport=httpx.MockTransport(api))


def readings(*jobs: dict[str, object]) -> ScriptedApi:
    return ScriptedApi(
        {
            "GET /jobs/j1": [httpx.Response(200, json=one) for one in jobs],
            "POST /jobs/j1/cancel": [httpx.Response(200, json=job("canceled"))],
        }
    )


def options(**given: Any) -> Options:
    nothing: dict[str, Any] = dict.fromkeys(field.name for field in fields(Options)) | {
        "remove_silence": False,
        "trim": False,
    }
    return Options(**nothing | given)


def no_nap(_seconds: float) -> None:
    """Polls at once."""


def interrupt(_seconds: float) -> None:
    raise KeyboardInterrupt


def test_only_what_was_asked_for_is_sent() -> None:
    assert options().fields("hi") == {"text": "hi"}
    full = options(
        ref_text="words",
        seed=0,
        speed=1.5,
        preset="fast",
        format="mp3",
        sample_rate=44_100,
        bitrate=128,
        loudness=-16.0,
        remove_silence=True,
        trim=True,
    ).fields("hi")
    assert full == {
        "text": "hi",
        "ref_text": "words",
        "seed": "0",
        "speed": "1.5",
        "preset": "fast",
        "format": "mp3",
        "sample_rate": "44100",
        "bitrate": "128",
        "loudness": "-16.0",
        "remove_silence": "true",
        "trim": "true",
    }


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


def test_it_waits_and_shows_each_reading() -> None:
    seen: list[str] = []
    api = readings(job("processing"), job("succeeded"))
    done = wait(client_of(api), job("queued"), lambda current: seen.append(current["status"]), no_nap)
    assert done["status"] == "succeeded"
    assert seen == ["queued", "processing", "succeeded"]


def test_a_server_that_is_away_for_a_moment_is_asked_again() -> None:
    naps: list[float] = []
    api = readings(job("succeeded"))
    api.routes["GET /jobs/j1"] = [
        httpx.ConnectError("refused"),
        problem(503),
        httpx.Response(200, json=job("succeeded")),
    ]
    assert wait(client_of(api), job(), lambda _job: None, naps.append)["status"] == "succeeded"
    assert naps == [0.15, 0.3, 0.6]


def test_one_that_stays_away_is_given_up() -> None:
    naps: list[float] = []
    api = ScriptedApi({"GET /jobs/j1": [httpx.ConnectError("refused")]})
    with pytest.raises(CliError, match="does not answer"):
        wait(client_of(api), job(), lambda _job: None, naps.append)
    assert 15 < sum(naps) < 30


@pytest.mark.parametrize(
    ("ended", "message"),
    [
        (job("failed", error={"title": "T", "detail": "The device ran out of memory."}), "ran out of memory"),
        (job("failed", error={"title": "Some title", "detail": ""}), "Some title"),
        (job("expired"), "The job is expired"),
        (job("canceled"), "The job is canceled"),
    ],
)
def test_another_end_is_an_error(ended: dict[str, object], message: str) -> None:
    with pytest.raises(CliError, match=message):
        wait(client_of(readings(ended)), job(), lambda _job: None, no_nap)


def test_an_interrupt_cancels_the_job() -> None:
    api = readings(job("processing"))
    with pytest.raises(CliError, match="Canceled") as caught:
        wait(client_of(api), job(), lambda _job: None, interrupt)
    assert caught.value.exit_code == 130
    assert api.asked() == ["POST /jobs/j1/cancel"]


def test_the_audio_is_saved_where_asked(tmp_path: Path) -> None:
    path = save(client_of(readings()), job("succeeded"), tmp_path / "new" / "hello.wav")
    assert path.read_bytes() == AUDIO


def test_damaged_audio_is_not_saved(tmp_path: Path) -> None:
    damaged = job("succeeded")
    damaged["output"]["sha256"] = "0" * 64
    with pytest.raises(CliError, match="damaged"):
        save(client_of(readings()), damaged, tmp_path / "hello.wav")
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CliError, match="cannot be written"):
        save(client_of(readings()), job("succeeded"), tmp_path / "file" / "hello.wav")
