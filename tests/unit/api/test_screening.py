"""Malware in whatever clients send as a file, or have us fetch: found before anybody else reads it."""

from collections.abc import Callable
from dataclasses import replace

import httpx
import pytest
from structlog.testing import capture_logs

from services.shared.outbound.testing import MemoryBucketReader
from services.shared.testing import memory_parts
from services.shared.testing.scanning import EICAR, MemoryScanner
from services.shared.testing.voices import make_voice
from tests.unit.api.client import REFERENCE, REFERENCE_TEXT, Client

INFECTED = REFERENCE + EICAR
URL = "https://voices.test/anna.wav"
S3_URL = "s3://voices/anna.wav"


@pytest.fixture
def client() -> Client:
    parts = memory_parts(clamd_address="clamd:3310", voice_url_buckets="voices")
    buckets = MemoryBucketReader()
    buckets.objects["voices", "anna.wav"] = parts.outbound.pages[URL] = INFECTED
    return Client(replace(parts, buckets=buckets))


def _by_url(client: Client, url: str) -> httpx.Response:
    return client.post(
        "/tts", files={name: (None, value) for name, value in {"text": "Hello.", "voice_url": url}.items()}
    )


def _run(client: Client) -> httpx.Response:
    return client.post("/run", json={"input": {"text": "Hello.", "prompt_speech_url": URL}})


def _batch(client: Client) -> httpx.Response:
    files = {"items": ("items.jsonl", b'{"text": "Hello."}\n'), "voice": ("voice.wav", INFECTED)}
    return client.post("/batches", data={"ref_text": REFERENCE_TEXT}, files=files)


def _voice(client: Client, sample: bytes, recording: bytes) -> httpx.Response:
    data = {"name": "Anna", "consent": "She agreed.", "ref_text": REFERENCE_TEXT}
    return client.post(
        "/voices", data=data, files={"sample": ("a.wav", sample), "consent_recording": ("b.wav", recording)}
    )


WAYS: dict[str, tuple[Callable[[Client], httpx.Response], str]] = {
    "reference": (lambda c: c.speak(voice=INFECTED), "voice"),
    "by URL": (lambda c: _by_url(c, URL), "voice_url"),
    "from a bucket": (lambda c: _by_url(c, S3_URL), "voice_url"),
    "runpod": (_run, "prompt_speech_url"),
    "batch": (_batch, "voice"),
    "sample": (lambda c: _voice(c, INFECTED, REFERENCE), "sample"),
    "consent recording": (lambda c: _voice(c, REFERENCE, INFECTED), "consent_recording"),
}
EACH_WAY = pytest.mark.parametrize(("send", "field"), WAYS.values(), ids=WAYS)


@EACH_WAY
def test_an_infected_upload_is_refused_on_every_way(
    client: Client, send: Callable[[Client], httpx.Response], field: str
) -> None:
    with capture_logs() as logs:
        answer = send(client)
    body = answer.json()
    assert (answer.status_code, body["type"], body["field"]) == (400, "/problems/upload-infected", field)
    assert "Eicar" not in answer.text
    assert [line["signature"] for line in logs if line["event"] == "upload.infected"] == ["Eicar-Test-Signature"]
    assert not client.parts.blobs.blobs


@EACH_WAY
def test_nothing_is_taken_while_the_scanner_is_away(
    client: Client, send: Callable[[Client], httpx.Response], field: str
) -> None:
    client.parts.scanner.down = True
    answer = send(client)
    assert (answer.status_code, answer.json()["type"]) == (503, "/problems/scanner-unavailable")
    assert answer.headers["retry-after"]
    assert not client.parts.blobs.blobs


def test_a_clean_one_is_taken_whole(client: Client) -> None:
    answer = client.speak()
    assert answer.status_code == 202
    assert client.parts.blobs.get(client.parts.jobs.get(answer.json()["job_id"]).input.reference_key) == REFERENCE
    assert _voice(client, REFERENCE, REFERENCE).status_code == 201
    assert client.parts.scanner.scanned == 3


def test_a_stored_voice_is_not_scanned_again(client: Client) -> None:
    client.parts.voices.add(voice := make_voice(client.parts.clock(), owner="anonymous"), limit=10)
    client.parts.scanner.down = True
    answer = client.post("/tts", files={"text": (None, "Hello."), "voice_id": (None, voice.id)})
    assert answer.status_code == 202


def test_one_that_the_scanner_does_not_take_is_too_large() -> None:
    client = Client(replace(memory_parts(), scanner=MemoryScanner(max_bytes=1_000)))
    answer = client.speak()
    assert (answer.status_code, answer.json()["field"]) == (413, "voice")
    assert answer.json()["type"] == "/problems/upload-too-large-to-scan"


def test_without_a_scanner_nobody_looks() -> None:
    assert Client(memory_parts()).speak(voice=INFECTED).status_code == 202


def test_the_scanner_is_a_part_that_requests_go_on_without(client: Client) -> None:
    client.parts.scanner.down = True
    assert client.get("/readyz").status_code == 200
    parts = {part["name"]: part["ok"] for part in client.get("/health/detailed").json()["parts"]}
    assert parts == {"job_store": True, "object_store": True, "queue": True, "scanner": False}
