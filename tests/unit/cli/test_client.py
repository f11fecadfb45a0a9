"""The API's client: what it sends, and the one line that each failure becomes."""

import os
from pathlib import Path
from typing import Any

import httpx
import pytest

from services.cli import record
from services.cli.client import Address, ApiClient, find_address
from services.cli.errors import CliError
from services.cli.home import Home
from services.cli.processes import ProcessRef
from services.cli.record import StackRecord

from .api import STORE, ScriptedApi, job, problem


def client_of(api: ScriptedApi, key: str | None = None) -> ApiClient:
    return ApiClient(Address("http://api.test", key), transport=httpx.MockTransport(api))


def test_the_key_goes_to_the_api_and_not_to_the_store() -> None:
    api = ScriptedApi({"GET /jobs/j1": [httpx.Response(200, json=job())]})
    client = client_of(api, "secret")
    client.job("j1")
    client.download(STORE)
    assert [request.headers.get("authorization") for request in api.requests] == ["Bearer secret", None]


def test_the_reference_is_sent_as_a_file(tmp_path: Path) -> None:
    reference = tmp_path / "me.wav"
    reference.write_bytes(b"audio")
    api = ScriptedApi({"POST /tts": [httpx.Response(202, json=job())]})
    client_of(api).submit({"text": "hi"}, reference)
    body = api.requests[0].content
    assert b'name="voice"; filename="me.wav"' in body
    assert b'name="text"\r\n\r\nhi' in body


def test_a_reference_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(CliError, match="cannot be read: No such file"):
        client_of(ScriptedApi({})).submit({}, tmp_path / "none.wav")


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
        (httpx.Response(404, json=["odd"]), "The server answered 404 Not Found.", ""),
        (httpx.Response(404, json={}), "The server answered 404 Not Found.", ""),
    ],
)
def test_each_failure_is_one_line(answer: httpx.Response, message: str, hint: str) -> None:
    client = client_of(ScriptedApi({"GET /jobs/j1": [answer]}))
    with pytest.raises(CliError) as caught:
        client.job("j1")
    assert (caught.value.message, caught.value.hint) == (message, hint)


@pytest.mark.parametrize("answer", [httpx.Response(200, text="<html>"), httpx.Response(200, json=[1])])
def test_a_server_that_is_not_timbre(answer: httpx.Response) -> None:
    with pytest.raises(CliError, match="does not answer like Timbre"):
        client_of(ScriptedApi({"GET /jobs/j1": [answer]})).job("j1")


def test_a_server_that_is_away() -> None:
    client = client_of(ScriptedApi({"GET /jobs/j1": [httpx.ConnectError("refused")]}))
    with pytest.raises(CliError, match=r"http://api.test/jobs/j1 does not answer \(refused\)"):
        client.job("j1")


def test_a_store_that_is_away_keeps_the_signature_to_itself() -> None:
    client = client_of(ScriptedApi({"GET /timbre/outputs/1.wav": [httpx.ConnectError("refused")]}))
    with pytest.raises(CliError) as caught:
        client.download(STORE)
    assert "Signature" not in caught.value.message


def test_a_link_that_has_run_out() -> None:
    client = client_of(ScriptedApi({"GET /timbre/outputs/1.wav": [httpx.Response(403)]}))
    with pytest.raises(CliError, match="its store answered 403"):
        client.download(STORE)


def test_unset_filters_are_left_out() -> None:
    api = ScriptedApi({"GET /jobs": [httpx.Response(200, json={"jobs": []})]})
    client_of(api).jobs(limit=5)
    assert str(api.requests[0].url) == "http://api.test/jobs?limit=5"


def test_the_address_is_the_variable_before_all() -> None:
    environ = {"TIMBRE_URL": "http://far:1/", "TIMBRE_API_KEY": "k"}
    assert find_address(environ) == Address("http://far:1", "k")


def test_else_the_stack_that_runs_here(home: Home) -> None:
    me = ProcessRef.of(os.getpid())
    record.save(home, StackRecord("ready", me, "http://127.0.0.1:8001"))
    assert find_address({"TIMBRE_HOME": str(home.path)}) == Address("http://127.0.0.1:8001")


@pytest.mark.parametrize("environ", [{}, {"TIMBRE_URL": ""}])
def test_nothing_runs_and_the_way_out_is_told(home: Home, environ: dict[str, Any]) -> None:
    with pytest.raises(CliError) as caught:
        find_address({"TIMBRE_HOME": str(home.path), **environ})
    assert "timbre up" in caught.value.hint
