"""`voice_url`: a reference that we fetch, held to what an upload is held to."""

import dataclasses
import hashlib
from typing import Any

import httpx
import numpy as np
import pytest

from f5_tts_core.testing import wav_bytes
from f5_tts_core.types import Waveform
from services.shared.outbound.testing import MemoryBucketReader, MemoryOutbound
from services.shared.testing import memory_parts
from tests.unit.api.client import REFERENCE, REFERENCE_TEXT, Client

URL = "https://voices.test/anna.wav"
S3_URL = "s3://voices/people/anna.wav"
LIMIT = 300_000


@pytest.fixture
def outbound() -> MemoryOutbound:
    outbound = MemoryOutbound()
    outbound.pages[URL] = REFERENCE
    return outbound


@pytest.fixture
def buckets() -> MemoryBucketReader:
    buckets = MemoryBucketReader()
    buckets.objects["voices", "people/anna.wav"] = REFERENCE
    return buckets


@pytest.fixture
def client(outbound: MemoryOutbound, buckets: MemoryBucketReader) -> Client:
    parts = memory_parts(voice_url_buckets="voices, others", max_upload_bytes=LIMIT)
    return Client(dataclasses.replace(parts, outbound=outbound, buckets=buckets))


def _speak(client: Client, url: str, **more: Any) -> httpx.Response:
    fields = {"text": "Hello.", "ref_text": REFERENCE_TEXT, "voice_url": url, **more}
    return client.post("/tts", files={name: (None, value) for name, value in fields.items()})


def _refusal(client: Client, url: str, **more: Any) -> tuple[int, str, str | None]:
    answer = _speak(client, url, **more)
    body = answer.json()
    assert client.parts.blobs.blobs == {}
    assert not client.parts.jobs.queued(10)
    return answer.status_code, body["type"].removeprefix("/problems/"), body.get("field")


@pytest.mark.parametrize("url", [URL, S3_URL, S3_URL.replace("s3", "S3", 1)])
def test_what_lies_there_is_stored_like_an_upload(client: Client, url: str) -> None:
    answer = _speak(client, url)
    assert answer.status_code == 202
    job = client.parts.jobs.get(answer.json()["job_id"])
    assert client.parts.blobs.get(job.input.reference_key) == REFERENCE
    assert job.input.reference_sha256 == hashlib.sha256(REFERENCE).hexdigest()


@pytest.mark.parametrize("field", ["voice", "voice_url"])
def test_exactly_one_source_is_needed(client: Client, field: str) -> None:
    both = client.speak(voice_url=URL)
    assert (both.status_code, both.json()["field"]) == (422, "voice_url")
    neither = client.post("/tts", files={"text": (None, "Hello.")})
    assert (neither.status_code, neither.json()["field"]) == (422, "voice")
    for answer in (both, neither):
        assert answer.json()["type"] == "/problems/field-invalid"
        assert field in answer.json()["accepted"]


def test_an_empty_field_is_no_source(client: Client) -> None:
    assert client.speak(voice_url="").status_code == 202


@pytest.mark.parametrize(
    ("content", "status", "kind"),
    [
        (b"<html>Not found, politely.</html>", 400, "audio-undecodable"),
        (b"", 400, "audio-empty"),
        (wav_bytes(Waveform(np.zeros(72_000, np.float32), 24_000)), 400, "audio-silent"),
        (bytes(LIMIT + 1), 413, "url-content-too-large"),
    ],
)
@pytest.mark.parametrize("url", [URL, S3_URL])
def test_what_lies_there_is_judged_like_an_upload(
    client: Client,
    outbound: MemoryOutbound,
    buckets: MemoryBucketReader,
    url: str,
    content: bytes,
    status: int,
    kind: str,
) -> None:
    outbound.pages[URL] = buckets.objects["voices", "people/anna.wav"] = content
    assert _refusal(client, url) == (status, kind, "voice_url")


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("https://voices.test/nobody.wav", "url-not-served"),
        ("https://away.test/anna.wav", "url-unreachable"),
        ("https://10.0.0.1/anna.wav", "url-refused"),
        ("s3://voices/nobody.wav", "url-not-served"),
        ("s3://secrets/anna.wav", "url-refused"),
        ("s3://timbre/inputs/x/reference", "url-refused"),
        ("s3://voices", "url-refused"),
        ("s3:///anna.wav", "url-refused"),
        ("s3:voices/anna.wav", "url-refused"),
    ],
)
def test_a_place_that_gives_nothing_is_told(client: Client, outbound: MemoryOutbound, url: str, kind: str) -> None:
    outbound.unreachable.add("https://away.test/anna.wav")
    assert _refusal(client, url) == (422, kind, "voice_url")


def test_no_bucket_is_read_by_default() -> None:
    client = Client(memory_parts())
    assert _refusal(client, S3_URL) == (422, "url-refused", "voice_url")


def test_an_endless_url_is_refused_as_such(client: Client) -> None:
    assert _refusal(client, URL + "?" + "x" * 2_048) == (422, "field-invalid", "voice_url")


def test_our_own_object_store_away_is_not_the_clients_fault(client: Client, buckets: MemoryBucketReader) -> None:
    buckets.down = True
    assert _refusal(client, S3_URL) == (503, "blob-store-unavailable", None)


def test_nothing_is_fetched_for_a_webhook_that_is_refused(client: Client, outbound: MemoryOutbound) -> None:
    assert _refusal(client, URL, webhook_url="https://hooks.test/")[1:] == ("webhooks-off", "webhook_url")
    assert outbound.resolver.asked == []


def test_a_text_that_is_refused_is_refused_with_a_fetched_voice_too(client: Client) -> None:
    assert _refusal(client, URL, text="") == (422, "text-empty", "text")
