"""`timbre voices`, and `timbre say` with a stored voice."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from services.cli.client import Address, ApiClient
from services.cli.commands.voices import find_voice
from services.cli.errors import CliError
from services.cli.home import Home

from .api import ScriptedApi, job, problem

ANNA = {"voice_id": "v1", "name": "Anna"}


def client_of(**routes: list[httpx.Response | Exception]) -> tuple[ApiClient, ScriptedApi]:
    api = ScriptedApi({name.replace("_", " ", 1).replace("_", "/"): answers for name, answers in routes.items()})
    return ApiClient(Address("http://api.test"), transport=httpx.MockTransport(api)), api


def page(*voices: dict[str, Any]) -> httpx.Response:
    return httpx.Response(200, json={"voices": list(voices), "next_cursor": None})


def test_a_voice_is_found_by_name_before_id() -> None:
    client, api = client_of(GET__voices=[page(ANNA)])
    assert find_voice(client, "Anna") == ANNA
    assert dict(api.requests[0].url.params) == {"limit": "1", "name": "Anna"}


def test_a_voice_is_found_by_id() -> None:
    client, api = client_of(GET__voices=[page()], GET__voices_v1=[httpx.Response(200, json=ANNA)])
    assert find_voice(client, "v1") == ANNA
    assert api.asked() == ["GET /voices", "GET /voices/v1"]


def test_a_voice_that_there_is_not() -> None:
    client, _ = client_of(GET__voices=[page()], GET__voices_x=[problem(404, detail="You have no voice of this id.")])
    with pytest.raises(CliError, match="no voice"):
        find_voice(client, "x")


@pytest.mark.parametrize("nothing", ["", "  "])
def test_an_empty_name_finds_nothing(nothing: str) -> None:
    client, api = client_of(GET__voices=[page(ANNA)])
    with pytest.raises(CliError, match="empty"):
        find_voice(client, nothing)
    assert api.asked() == []


def test_the_files_of_a_voice_are_sent_as_files(tmp_path: Path) -> None:
    client, api = client_of(POST__voices=[httpx.Response(201, json=ANNA)])
    sample, recording = tmp_path / "me.wav", tmp_path / "yes.wav"
    sample.write_bytes(b"audio")
    recording.write_bytes(b"consent")
    client.add_voice({"name": "Anna"}, {"sample": sample, "consent_recording": recording})
    body = api.requests[0].content
    assert b'name="sample"; filename="me.wav"' in body
    assert b'name="consent_recording"; filename="yes.wav"' in body
    assert b'name="name"\r\n\r\nAnna' in body


def test_a_job_of_a_stored_voice_is_a_form_without_files() -> None:
    client, api = client_of(POST__tts=[httpx.Response(202, json=job())])
    client.submit({"text": "hi", "voice_id": "v1"}, None)
    assert api.requests[0].headers["content-type"].startswith("multipart/form-data")
    assert b'name="voice_id"\r\n\r\nv1' in api.requests[0].content
    assert b"filename" not in api.requests[0].content


@pytest.mark.parametrize("with_jobs", [True, False])
def test_a_deletion_says_whether_jobs_go_too(with_jobs: bool) -> None:
    client, api = client_of(DELETE__voices_v1=[httpx.Response(204)])
    client.delete_voice("v1", with_jobs=with_jobs)
    assert api.requests[0].url.params.get("delete_jobs") == ("true" if with_jobs else None)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("say", "hi"), "one of the two"),
        (("say", "hi", "--voice", "Anna", "--reference", "me.wav"), "one of the two"),
        (("voices", "add", "Anna", "--sample", "me.wav", "--consent", "Mine.", "--label", "calm"), "NAME=TEXT"),
    ],
)
def test_what_cannot_be_meant_is_refused(home: Home, words: tuple[str, ...], said: str) -> None:
    environ = {"TIMBRE_HOME": str(home.path), "NO_COLOR": "1"}
    argv = [sys.executable, "-m", "services.cli.main", *words]
    answer = subprocess.run(argv, env=environ, capture_output=True, text=True, timeout=60, check=False)
    assert answer.returncode == 1
    assert answer.stderr.startswith("error: ")
    assert said in answer.stderr
