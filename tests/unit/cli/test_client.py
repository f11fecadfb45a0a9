"""Where the commands find the API, and the one line that each failure becomes."""

import os
from pathlib import Path
from typing import Any

import httpx
import pytest

from services.cli import record
from services.cli.client import find_url, in_plain_words, reading_recordings
from services.cli.errors import CliError
from services.cli.home import Home
from services.cli.processes import ProcessRef
from services.cli.record import StackRecord
from timbre_client import TimbreError

from .api import ScriptedApi, client_of, job, problem


def said_of(answer: httpx.Response | Exception) -> tuple[str, str]:
    """What `timbre jobs show` says where this is answered."""
    client = client_of(ScriptedApi({"GET /jobs/j1": [answer]}))
    with pytest.raises(CliError) as caught, in_plain_words():
        client.jobs.get("j1")
    return caught.value.message, caught.value.hint


def test_a_reference_that_is_not_there(tmp_path: Path) -> None:
    client = client_of(ScriptedApi({}))
    with pytest.raises(CliError, match=r"none\.wav cannot be read: No such file"), reading_recordings():
        client.tts.create("hi", voice=tmp_path / "none.wav")


@pytest.mark.parametrize(
    ("answer", "message", "hint"),
    [
        (problem(400, detail="It is silent.", field="voice"), "voice: It is silent.", ""),
        (problem(422, detail="`speed` is too high.", field="speed"), "`speed` is too high.", ""),
        (problem(422, detail="No.", accepted="0.5 to 2"), "No.", "Accepted: 0.5 to 2."),
        (problem(422, detail="No.", accepted=["wav", "flac"]), "No.", "Accepted: wav, flac."),
        (problem(401), "A title", "Put your key in TIMBRE_API_KEY."),
        (problem(503, {"retry-after": "5"}, detail="Away."), "Away.", "Try again in 5 s."),
        (problem(500, request_id="r1"), "A title", "The server's log has it under request id r1."),
        (httpx.Response(502, text="<html>"), "The server answered 502 Bad Gateway.", ""),
    ],
)
def test_each_failure_is_one_line(answer: httpx.Response, message: str, hint: str) -> None:
    assert said_of(answer) == (message, hint)


@pytest.mark.parametrize("answer", [httpx.Response(200, text="<html>"), httpx.Response(200, json=[1])])
def test_a_server_that_is_not_timbre(answer: httpx.Response) -> None:
    message, hint = said_of(answer)
    assert "does not answer like Timbre" in message
    assert "TIMBRE_URL" in hint


def test_a_server_that_is_away() -> None:
    message, hint = said_of(httpx.ConnectError("refused"))
    assert message == "http://api.test/jobs/j1 does not answer (refused)."
    assert "timbre status" in hint


@pytest.mark.parametrize("store", [httpx.ConnectError("refused"), httpx.Response(403)])
def test_a_store_that_gives_nothing_keeps_the_signature_to_itself(store: httpx.Response | Exception) -> None:
    done = httpx.Response(200, json=job("succeeded"))
    api = ScriptedApi({"GET /jobs/j1": [done], "GET /timbre/outputs/1.wav": [store]})
    with pytest.raises(TimbreError, match=r"[Tt]he .*store (answered 403|does not answer)|its store") as caught:
        client_of(api).jobs.audio("j1")
    assert "Signature" not in str(caught.value)


def test_the_address_is_the_variable_before_all() -> None:
    assert find_url({"TIMBRE_URL": "http://far:1/"}) == "http://far:1"


def test_else_the_stack_that_runs_here(home: Home) -> None:
    me = ProcessRef.of(os.getpid())
    record.save(home, StackRecord("ready", me, "http://127.0.0.1:8001"))
    assert find_url({"TIMBRE_HOME": str(home.path)}) == "http://127.0.0.1:8001"


@pytest.mark.parametrize("environ", [{}, {"TIMBRE_URL": ""}])
def test_nothing_runs_and_the_way_out_is_told(home: Home, environ: dict[str, Any]) -> None:
    with pytest.raises(CliError) as caught:
        find_url({"TIMBRE_HOME": str(home.path), **environ})
    assert "timbre up" in caught.value.hint
