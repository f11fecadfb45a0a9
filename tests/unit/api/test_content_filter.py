"""Texts that the operator does not have spoken: refused at once, in whichever manner they were asked for."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from structlog.testing import capture_logs

from services.shared.settings import SettingsError
from services.shared.testing.voices import make_voice
from tests.unit.api.client import REFERENCE, REFERENCE_TEXT, Client

BAD = "Say B-a-d-w-o-r-d aloud."
DETAIL = "The text holds words that this service does not speak."


@pytest.fixture
def client(make_client: Callable[..., Client], tmp_path: Path) -> Client:
    words = tmp_path / "words.txt"
    words.write_text("badword\n")
    client = make_client(text_hooks="content-filter", content_filter_path=words)
    client.parts.outbound.pages["https://voices.test/anna.wav"] = REFERENCE
    return client


def _nothing_was_made(client: Client) -> bool:
    return not (client.parts.blobs.blobs or client.parts.queue.sent or client.parts.jobs.queued(1))


def _batch(client: Client) -> httpx.Response:
    client.parts.voices.add(voice := make_voice(client.parts.clock(), owner="anonymous"), limit=10)
    items = [{"text": "Good."}, {"text": BAD}]
    return client.post("/batches", json={"items": items, "voice_id": voice.id})


def _run(client: Client, route: str) -> httpx.Response:
    asked = {"text": BAD, "prompt_speech_url": "https://voices.test/anna.wav", "prompt_text": REFERENCE_TEXT}
    return client.post(route, json={"input": asked})


def _form(client: Client, path: str) -> httpx.Response:
    data = {"text": BAD, "ref_text": REFERENCE_TEXT}
    return client.post(path, data=data, files={"voice": ("voice.wav", REFERENCE)})


def _type(body: Any) -> str:
    return str(body["type"])


REFUSED = "/problems/text-refused"
#: How each route is asked, the status it answers, and where its clients find what was wrong.
WAYS: dict[str, tuple[Callable[[Client], httpx.Response], int, Callable[[Any], str], str]] = {
    "native": (lambda c: c.speak(text=BAD), 422, lambda body: f"{body['field']} {body['type']}", f"text {REFUSED}"),
    "stream": (lambda c: _form(c, "/tts/stream"), 422, _type, REFUSED),
    "batch": (_batch, 422, lambda body: "{line} {type}".format(**body["errors"][0]), f"2 {REFUSED}"),
    "openai": (
        lambda c: c.post("/v1/audio/speech", json={"model": "tts-1", "input": BAD, "voice": "sample"}),
        400,
        lambda body: "{param} {code}".format(**body["error"]),
        "input text_refused",
    ),
    "elevenlabs": (
        lambda c: c.post("/v1/text-to-speech/sample", json={"text": BAD}),
        422,
        lambda body: str(body["detail"]["status"]),
        "text_refused",
    ),
    "runpod": (lambda c: _run(c, "/run"), 422, lambda body: f"{_type(body)} {body['error']}", f"{REFUSED} {DETAIL}"),
    "runpod, waiting": (lambda c: _run(c, "/runsync"), 422, _type, REFUSED),
    "home-grown": (lambda c: _form(c, "/api/v1/tts/generate"), 422, _type, REFUSED),
}


@pytest.mark.parametrize(("ask", "status", "read", "expected"), WAYS.values(), ids=WAYS)
def test_a_listed_word_is_refused_in_every_manner_and_told_to_no_log(
    client: Client,
    caplog: pytest.LogCaptureFixture,
    ask: Callable[[Client], httpx.Response],
    status: int,
    read: Callable[[Any], str],
    expected: str,
) -> None:
    caplog.set_level(logging.DEBUG)
    with capture_logs() as logs:
        answer = ask(client)
    assert (answer.status_code, read(answer.json())) == (status, expected), answer.text
    assert _nothing_was_made(client)
    told = f"{logs} {caplog.text} {answer.text}".lower()
    assert "b-a-d" not in told
    assert "badword" not in told


def test_other_texts_are_spoken_as_they_are(client: Client) -> None:
    answer = client.speak(text="Say no bad word, badwords.")
    assert answer.status_code == 202
    assert answer.json()["input"]["text"] == "Say no bad word, badwords."


def test_a_text_that_is_too_long_is_told_so_first(client: Client) -> None:
    answer = client.speak(text=BAD * (100_000 // len(BAD) + 1))
    assert answer.json()["type"] == "/problems/text-too-long"


def test_what_a_refusal_stands_for_can_be_looked_up(client: Client) -> None:
    assert client.get("/problems/text-refused").json()["status"] == 422


def test_an_api_whose_list_is_gone_does_not_start(make_client: Callable[..., Client], tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="CONTENT_FILTER_PATH"):
        make_client(text_hooks="content-filter", content_filter_path=tmp_path / "gone.txt")
