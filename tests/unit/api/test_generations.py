"""`/api/v1/tts`: the same jobs under the names that many home-grown services have."""

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from services.shared.job import Job, JobFault, fail, request_cancel
from services.shared.testing.voices import make_voice
from tests.unit.api.client import ALICE, BOB, REFERENCE, REFERENCE_TEXT, Client, add_job, bearer, run_job, start_job

PATH = "/api/v1/tts"
FAULT = JobFault("engine-failed", "The engine failed", "It did.")


def voice_id(client: Client, owner: str = "anonymous") -> str:
    voice = make_voice(client.parts.clock(), owner=owner)
    client.parts.voices.add(voice, limit=9)
    return voice.id


def assert_problem(answer: httpx.Response, status: int, slug: str, field: str | None = None) -> None:
    body = answer.json()
    assert (answer.status_code, body["type"], body.get("field")) == (status, f"/problems/{slug}", field), answer.text


def read(client: Client, job: Job) -> dict[str, Any]:
    body: dict[str, Any] = client.get(f"{PATH}/{job.id}").json()
    return body


def test_generates_from_a_form(client: Client) -> None:
    form = {"text": "Hello there.", "ref_text": REFERENCE_TEXT, "format": "mp3"}
    answer = client.post(f"{PATH}/generate", data=form, files={"voice": ("voice.wav", REFERENCE, "audio/wav")})
    body = answer.json()
    assert (answer.status_code, answer.headers["location"]) == (202, f"{PATH}/{body['tts_id']}")
    assert (body["status"], body["progress"], body["audio_url"], body["error"]) == ("pending", 0, None, None)
    job = client.parts.jobs.get(body["tts_id"])
    assert (job.input.text, job.input.format) == ("Hello there.", "mp3")
    assert client.parts.queue.sent == [job.id]


def test_generates_from_json(client: Client) -> None:
    chosen = voice_id(client)
    answer = client.post(f"{PATH}/generate", json={"text": "Hello there.", "voice_id": chosen, "speed": 1.5})
    spoken = client.parts.jobs.get(answer.json()["tts_id"]).input
    assert (answer.status_code, spoken.voice_id, spoken.speed) == (202, chosen, 1.5)


@pytest.mark.parametrize(
    ("fields", "status", "slug", "field"),
    [
        ({"text": ""}, 422, "text-empty", "text"),
        ({"speed": 9}, 422, "field-invalid", "speed"),
        ({"mode": "sync"}, 422, "field-invalid", "mode"),
        ({"voice_id": None}, 422, "field-invalid", "voice_id"),
        ({"voice_id": "nobody"}, 404, "voice-not-found", "voice_id"),
        ({"format": "mp3", "bit_depth": 16}, 422, "field-invalid", "bit_depth"),
    ],
)
def test_refuses_what_is_wrong(client: Client, fields: Any, status: int, slug: str, field: str | None) -> None:
    asked = {"text": "Hello.", "voice_id": voice_id(client), **fields}
    assert_problem(client.post(f"{PATH}/generate", json=asked), status, slug, field)
    assert client.parts.queue.sent == []


def test_tells_of_every_state_in_its_own_words(client: Client) -> None:
    waiting, running, failed, canceled, done = (add_job(client.parts) for _ in range(5))
    started = start_job(client.parts, running)
    client.parts.jobs.beat(running.id, started.attempt, progress=0.428, lease_until=client.parts.clock() + 9)
    broken = start_job(client.parts, failed)
    client.parts.jobs.replace(broken, fail(broken, broken.attempt, FAULT, client.parts.clock()))
    client.parts.jobs.replace(canceled, request_cancel(canceled, client.parts.clock()))
    run_job(client.parts, done)
    told = [read(client, job) for job in (waiting, running, failed, canceled, done)]
    assert [(one["status"], one["progress"]) for one in told] == [
        ("pending", 0),
        ("processing", 42),
        ("failed", 0),
        ("failed", 0),
        ("completed", 100),
    ]
    errors = [None, None, "The engine failed: It did.", "The job was canceled.", None]
    assert [one["error"] for one in told] == errors
    assert client.parts.blobs.fetch(told[4]["audio_url"]) == b"RIFF-audio"
    assert told[4]["duration_s"] == 1.5


def test_fetches_the_audio_once_it_is_there(client: Client) -> None:
    job = add_job(client.parts)
    assert_problem(client.get(f"{PATH}/stream/{job.id}"), 409, "audio-not-ready")
    run_job(client.parts, job)
    answer = client.get(f"{PATH}/stream/{job.id}")
    assert (answer.status_code, answer.content, answer.headers["content-type"]) == (200, b"RIFF-audio", "audio/wav")


def test_audio_whose_time_is_over_is_gone(make_client: Callable[..., Client]) -> None:
    client = make_client(output_ttl_seconds=60)
    job = add_job(client.parts)
    run_job(client.parts, job)
    client.parts.clock.advance(61)
    assert_problem(client.get(f"{PATH}/stream/{job.id}"), 410, "audio-expired")
    assert read(client, job)["audio_url"] is None


def test_lists_and_deletes_ones_own(locked: Client) -> None:
    mine = []
    for _ in range(3):
        mine.append(add_job(locked.parts, owner="alice").id)
        locked.parts.clock.advance(1)
    add_job(locked.parts, owner="bob")
    page = locked.get(f"{PATH}?limit=2", headers=bearer(ALICE)).json()
    rest = locked.get(f"{PATH}?limit=2&cursor={page['next_cursor']}", headers=bearer(ALICE)).json()
    assert [one["tts_id"] for one in page["items"] + rest["items"]] == mine[::-1]
    assert_problem(locked.get(f"{PATH}?cursor=x", headers=bearer(ALICE)), 422, "field-invalid", "cursor")
    for method, path in (("GET", mine[0]), ("DELETE", mine[0]), ("GET", f"stream/{mine[0]}")):
        assert_problem(locked.request(method, f"{PATH}/{path}", headers=bearer(BOB)), 404, "job-not-found")
        assert locked.request(method, f"{PATH}/{path}").status_code == 401
    assert locked.delete(f"{PATH}/{mine[0]}", headers=bearer(ALICE)).status_code == 204
    assert_problem(locked.get(f"{PATH}/{mine[0]}", headers=bearer(ALICE)), 404, "job-not-found")


def test_a_batch_is_a_batch(client: Client) -> None:
    chosen = voice_id(client)
    items = [{"text": "One."}, {"text": "Two."}]
    body = client.post(f"{PATH}/batch", json={"voice_id": chosen, "items": items}).json()
    assert (body["total"], body["tts_ids"]) == (2, client.parts.queue.sent)
    assert [read(client, client.parts.jobs.get(one))["text"] for one in body["tts_ids"]] == ["One.", "Two."]
    assert client.get(f"/batches/{body['batch_id']}").json()["counts"]["queued"] == 2
    lines = "\n".join(json.dumps(item) for item in [*items, {"text": ""}]).encode()
    files = {"items": ("items.jsonl", lines, "application/jsonl")}
    refused = client.post(f"{PATH}/batch", data={"voice_id": chosen}, files=files)
    assert_problem(refused, 422, "batch-items-invalid", "items")


def test_a_request_that_is_repeated_with_its_key_is_one_generation(client: Client) -> None:
    chosen, key = voice_id(client), {"Idempotency-Key": "once"}
    sent = {"text": "Hello there.", "voice_id": chosen}
    first, again = (client.post(f"{PATH}/generate", json=sent, headers=key) for _ in range(2))
    assert again.json()["tts_id"] == first.json()["tts_id"]
    assert (first.headers.get("idempotency-replayed"), again.headers["idempotency-replayed"]) == (None, "true")
    assert_problem(
        client.post(f"{PATH}/generate", json={**sent, "speed": 2}, headers=key),
        422,
        "idempotency-key-reused",
        "Idempotency-Key",
    )
    form = {"text": "Hello there.", "ref_text": REFERENCE_TEXT}
    files = {"voice": ("voice.wav", REFERENCE, "audio/wav")}
    keyed = {"Idempotency-Key": "form"}
    ids = [client.post(f"{PATH}/generate", data=form, files=files, headers=keyed).json()["tts_id"] for _ in range(2)]
    assert ids[0] == ids[1]
    assert len(client.parts.queue.sent) == 2


def test_a_batch_that_is_repeated_with_its_key_is_one_batch(client: Client) -> None:
    sent = {"voice_id": voice_id(client), "items": [{"text": "One."}]}
    first, again = (client.post(f"{PATH}/batch", json=sent, headers={"Idempotency-Key": "once"}) for _ in range(2))
    assert again.json() == first.json()
    assert again.headers["idempotency-replayed"] == "true"
