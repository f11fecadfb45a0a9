"""`POST /uploads`: a recording that its client stores itself, held to what an upload is held to when it is used."""

import hashlib
from collections.abc import Callable
from datetime import datetime
from typing import Any

import httpx
import pytest

from services.shared.job import new_id
from services.shared.ports import UploadOffer
from services.shared.testing import memory_parts
from services.shared.testing.scanning import EICAR
from services.shared.upload import upload_key
from tests.unit.api.client import ALICE, BOB, KEYS, REFERENCE, REFERENCE_TEXT, Client, bearer

MakeClient = Callable[..., Client]
REFERENCE_BYTES = len(REFERENCE)
Use = Callable[[Client, str], httpx.Response]


def offer(client: Client, headers: dict[str, str] | None = None) -> dict[str, Any]:
    answer = client.post("/uploads", headers=headers)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def store(client: Client, content: bytes = REFERENCE, headers: dict[str, str] | None = None) -> str:
    """What a client does, to the id that it then uses."""
    offered = offer(client, headers)
    client.parts.blobs.post(UploadOffer(offered["url"], offered["fields"]), content)
    return str(offered["upload_id"])


def speak(client: Client, upload_id: str, headers: dict[str, str] | None = None, **more: Any) -> httpx.Response:
    fields = {"text": "Hello.", "ref_text": REFERENCE_TEXT, "upload_id": upload_id, **more}
    return client.post("/tts", files={name: (None, value) for name, value in fields.items()}, headers=headers)


def add_voice(client: Client, upload_id: str, **more: Any) -> httpx.Response:
    fields = {"name": "Anna", "consent": "She agreed.", "ref_text": REFERENCE_TEXT, "upload_id": upload_id}
    return client.post("/voices", files={name: (None, value) for name, value in fields.items()} | more)


def send_batch(client: Client, upload_id: str) -> httpx.Response:
    return client.post(
        "/batches", json={"items": [{"text": "Hello."}], "upload_id": upload_id, "ref_text": REFERENCE_TEXT}
    )


def run(client: Client, upload_id: str) -> httpx.Response:
    return client.post("/run", json={"input": {"text": "Hello.", "upload_id": upload_id, "ref_text": REFERENCE_TEXT}})


def generate(client: Client, upload_id: str) -> httpx.Response:
    body = {"text": "Hello.", "upload_id": upload_id, "ref_text": REFERENCE_TEXT}
    return client.post("/api/v1/tts/generate", json=body)


USES: dict[str, Use] = {"tts": speak, "voice": add_voice, "batch": send_batch, "run": run, "generate": generate}
EACH_USE = pytest.mark.parametrize("use", USES.values(), ids=USES)


def assert_problem(answer: httpx.Response, status: int, slug: str, field: str | None = None) -> None:
    body = answer.json()
    assert (answer.status_code, body["type"], body.get("field")) == (status, f"/problems/{slug}", field), answer.text


def test_an_offer_says_all_that_a_client_needs(make_client: MakeClient) -> None:
    client = make_client(upload_ttl_seconds=600, max_direct_upload_bytes=REFERENCE_BYTES)
    offered = offer(client)
    assert offered["max_bytes"] == REFERENCE_BYTES
    assert datetime.fromisoformat(offered["expires_at"]).timestamp() == client.parts.clock() + 600
    assert "anonymous" not in str(offered)
    with pytest.raises(PermissionError):
        client.parts.blobs.post(UploadOffer(offered["url"], offered["fields"]), REFERENCE + b"x")


@EACH_USE
def test_what_was_stored_is_used_as_an_upload_and_then_gone(client: Client, use: Use) -> None:
    upload_id = store(client)
    answer = use(client, upload_id)
    assert answer.is_success, answer.text
    ((key, (content, _)),) = client.parts.blobs.blobs.items()
    assert not key.startswith("uploads/")
    assert content == REFERENCE
    assert_problem(use(client, upload_id), 404, "upload-not-found", "upload_id")


def test_its_hash_is_the_jobs(client: Client) -> None:
    answer = speak(client, store(client))
    assert answer.json()["input"]["reference_sha256"] == hashlib.sha256(REFERENCE).hexdigest()


def test_it_may_be_larger_than_a_request(make_client: MakeClient) -> None:
    client = make_client(max_upload_bytes=1_000)
    assert client.speak().status_code == 413
    assert speak(client, store(client)).status_code == 202


@EACH_USE
def test_content_that_is_no_audio_is_told_under_its_name_and_stays(client: Client, use: Use) -> None:
    upload_id = store(client, b"<html>")
    for _ in range(2):
        assert_problem(use(client, upload_id), 400, "audio-undecodable", "upload_id")
    assert list(client.parts.blobs.blobs) == [upload_key("anonymous", upload_id)]


def test_a_request_that_was_wrong_may_be_sent_again(client: Client) -> None:
    upload_id = store(client)
    assert_problem(speak(client, upload_id, text=""), 422, "text-empty", "text")
    assert speak(client, upload_id).status_code == 202


def test_malware_is_found_in_it() -> None:
    client = Client(memory_parts(clamd_address="clamd:3310"))
    for use in USES.values():
        assert_problem(use(client, store(client, REFERENCE + EICAR)), 400, "upload-infected", "upload_id")


def test_more_than_was_offered_is_refused_where_the_store_let_it_pass(make_client: MakeClient) -> None:
    client = make_client(max_direct_upload_bytes=1_000)
    upload_id = new_id(client.parts.clock())
    client.parts.blobs.blobs[upload_key("anonymous", upload_id)] = (REFERENCE, "")
    assert_problem(speak(client, upload_id), 413, "payload-too-large", "upload_id")


@EACH_USE
@pytest.mark.parametrize("upload_id", ["x", "../" + "0" * 29, "0" * 32, "0" * 31 + "/", "f" * 32])
def test_an_id_of_no_upload(client: Client, use: Use, upload_id: str) -> None:
    assert_problem(use(client, upload_id), 404, "upload-not-found", "upload_id")


def test_one_that_was_never_stored(client: Client) -> None:
    assert_problem(speak(client, offer(client)["upload_id"]), 404, "upload-not-found", "upload_id")


def test_its_time_runs_out(make_client: MakeClient) -> None:
    client = make_client(upload_ttl_seconds=600)
    offered, upload_id = offer(client), store(client)
    client.parts.clock.advance(600)
    assert_problem(speak(client, upload_id), 404, "upload-not-found", "upload_id")
    with pytest.raises(PermissionError):
        client.parts.blobs.post(UploadOffer(offered["url"], offered["fields"]), REFERENCE)


def test_another_tenants_upload_does_not_exist(locked: Client) -> None:
    upload_id = store(locked, headers=bearer(ALICE))
    theirs = speak(locked, upload_id, headers=bearer(BOB))
    never = speak(locked, new_id(locked.parts.clock()), headers=bearer(BOB))
    assert_problem(theirs, 404, "upload-not-found", "upload_id")
    assert theirs.json()["detail"] == never.json()["detail"]
    assert speak(locked, upload_id, headers=bearer(ALICE)).status_code == 202


def test_exactly_one_source_is_needed(client: Client) -> None:
    upload_id = store(client)
    assert_problem(client.speak(upload_id=upload_id), 422, "field-invalid", "upload_id")
    both = add_voice(client, upload_id, sample=("sample.wav", REFERENCE))
    assert_problem(both, 422, "field-invalid", "upload_id")
    assert list(client.parts.blobs.blobs) == [upload_key("anonymous", upload_id)]


def test_no_more_wait_than_may(make_client: MakeClient) -> None:
    client = make_client(max_direct_uploads=2, api_keys=KEYS)
    first = store(client, headers=bearer(ALICE))
    store(client, headers=bearer(ALICE))
    refused = client.post("/uploads", headers=bearer(ALICE))
    assert_problem(refused, 429, "upload-limit-reached")
    assert refused.headers["retry-after"]
    assert client.post("/uploads", headers=bearer(BOB)).status_code == 201
    assert speak(client, first, headers=bearer(ALICE)).status_code == 202
    assert client.post("/uploads", headers=bearer(ALICE)).status_code == 201


def test_an_object_store_that_is_away(client: Client) -> None:
    upload_id = store(client)
    client.parts.blobs.down = True
    assert_problem(client.post("/uploads"), 503, "blob-store-unavailable")
    assert_problem(speak(client, upload_id), 503, "blob-store-unavailable")


def test_a_repeated_request_answers_its_job_though_the_upload_is_gone(client: Client) -> None:
    upload_id = store(client)
    answers = [speak(client, upload_id, headers={"Idempotency-Key": "1"}) for _ in range(2)]
    assert len({answer.json()["job_id"] for answer in answers}) == 1
