"""`webhook_url`, and what a client sees of its delivery."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from services.shared.job import Job, request_cancel
from services.shared.signing import new_secret
from services.shared.testing.voices import make_voice
from services.shared.webhook import Try, after
from tests.unit.api.client import ALICE, BOB, REFERENCE, REFERENCE_TEXT, Client, add_job, bearer, run_job

URL = "https://receiver.test/hook?token=1"
MakeClient = Callable[..., Client]


@pytest.fixture
def client(make_client: MakeClient) -> Client:
    return make_client(webhook_secret=new_secret())


def _try(client: Client, status: int | None, error: str | None = None) -> None:
    """What the control process does."""
    store, now = client.parts.webhooks, client.parts.clock()
    (held,) = store.take(now, 10, hold_seconds=60)
    assert store.settle(held, after(held.delivery, Try(now, 0.25, status, error), now, 0.0))


def _read(client: Client, job: Job, path: str = "") -> dict[str, Any]:
    body: dict[str, Any] = client.get(f"/jobs/{job.id}{path}").json()
    return body


def test_a_job_keeps_its_webhook(client: Client) -> None:
    body = client.speak(webhook_url=URL).json()
    assert body["webhook"] == {
        "url": URL,
        "state": "waiting",
        "attempts": 0,
        "last_status": None,
        "next_attempt_at": None,
    }
    assert client.parts.jobs.get(body["job_id"]).webhook_url == URL
    assert URL not in repr(client.parts.jobs.get(body["job_id"]))


def test_a_job_without_one_has_none(client: Client) -> None:
    body = client.speak(webhook_url="").json()
    assert body["webhook"] is None
    for path in ("", "/redeliver"):
        method = "POST" if path else "GET"
        answer = client.request(method, f"/jobs/{body['job_id']}/webhook{path}")
        assert (answer.status_code, answer.json()["type"]) == (404, "/problems/webhook-not-found")


@pytest.mark.parametrize(
    "url", ["http://receiver.test/", "https://127.0.0.1/", "receiver.test", "https://receiver.test:22/"]
)
def test_a_url_we_do_not_go_to_is_refused_before_anything_is_stored(client: Client, url: str) -> None:
    answer = client.speak(webhook_url=url)
    body = answer.json()
    assert (answer.status_code, body["type"], body["field"]) == (422, "/problems/url-refused", "webhook_url")
    assert client.parts.blobs.blobs == {}


def test_a_service_without_a_secret_says_so(make_client: MakeClient) -> None:
    answer = make_client().speak(webhook_url=URL)
    body = answer.json()
    assert (answer.status_code, body["type"], body["field"]) == (422, "/problems/webhooks-off", "webhook_url")


def test_an_ended_job_shows_what_became_of_its_webhook(client: Client) -> None:
    job = add_job(client.parts, webhook_url=URL)
    run_job(client.parts, job)
    shown = _read(client, job)["webhook"]
    assert (shown["state"], shown["attempts"], shown["next_attempt_at"]) == ("pending", 0, "2027-01-15T08:00:00Z")
    _try(client, 503)
    shown = _read(client, job)["webhook"]
    assert (shown["state"], shown["attempts"], shown["last_status"]) == ("pending", 1, 503)
    assert shown["next_attempt_at"] == "2027-01-15T08:00:05Z"
    client.parts.clock.advance(5)
    _try(client, None, "url-unreachable")
    client.parts.clock.advance(300)
    _try(client, 204)
    shown = _read(client, job)["webhook"]
    assert (shown["state"], shown["attempts"], shown["last_status"]) == ("delivered", 3, 204)
    assert shown["next_attempt_at"] is None
    assert client.get("/jobs").json()["jobs"][0]["webhook"] == shown


def test_the_tries_can_be_read(client: Client) -> None:
    job = add_job(client.parts, webhook_url=URL)
    run_job(client.parts, job)
    assert _read(client, job, "/webhook")["tries"] == []
    _try(client, None, "url-refused")
    client.parts.clock.advance(5)
    _try(client, 200)
    answer = client.get(f"/jobs/{job.id}/webhook")
    body = answer.json()
    assert answer.headers["cache-control"] == "no-store"
    assert (body["webhook_id"], body["state"], body["attempts"]) == (f"msg_{job.id}", "delivered", 2)
    assert body["tries"] == [
        {"at": "2027-01-15T08:00:00Z", "seconds": 0.25, "status": None, "error": "/problems/url-refused"},
        {"at": "2027-01-15T08:00:05Z", "seconds": 0.25, "status": 200, "error": None},
    ]


def test_the_error_of_a_try_can_be_looked_up(client: Client) -> None:
    for slug in ("url-refused", "url-unreachable"):
        assert client.get(f"/problems/{slug}").json()["status"] == 422


def test_what_was_delivered_can_be_sent_again(client: Client) -> None:
    job = add_job(client.parts, webhook_url=URL)
    run_job(client.parts, job)
    _try(client, 200)
    client.parts.clock.advance(1_000)
    answer = client.post(f"/jobs/{job.id}/webhook/redeliver")
    assert (answer.status_code, answer.json()["state"], answer.json()["attempts"]) == (202, "pending", 1)
    _try(client, 410)
    assert _read(client, job)["webhook"]["state"] == "failed"


def test_what_was_never_tried_can_be_sent_again(client: Client) -> None:
    job = add_job(client.parts, webhook_url=URL)
    client.parts.jobs.replace(job, request_cancel(job, client.parts.clock()))
    assert client.post(f"/jobs/{job.id}/webhook/redeliver").status_code == 202
    _try(client, 200)
    assert _read(client, job)["webhook"]["attempts"] == 1


def test_what_has_not_ended_cannot_be_sent(client: Client) -> None:
    job = add_job(client.parts, webhook_url=URL)
    answer = client.post(f"/jobs/{job.id}/webhook/redeliver")
    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/job-state-conflict")


@pytest.mark.parametrize(("method", "path"), [("GET", "/webhook"), ("POST", "/webhook/redeliver")])
def test_anothers_webhook_does_not_exist(locked: Client, method: str, path: str) -> None:
    job = add_job(locked.parts, webhook_url=URL, owner="alice")
    run_job(locked.parts, job)
    theirs = locked.request(method, f"/jobs/{job.id}{path}", headers=bearer(BOB))
    nobodys = locked.request(method, f"/jobs/{'0' * 32}{path}", headers=bearer(BOB))
    assert theirs.status_code == nobodys.status_code == 404
    assert theirs.json()["type"] == nobodys.json()["type"] == "/problems/job-not-found"
    assert locked.request(method, f"/jobs/{job.id}{path}").status_code == 401
    assert locked.request(method, f"/jobs/{job.id}{path}", headers=bearer(ALICE)).status_code in (200, 202)


def test_a_deleted_jobs_webhook_is_not_sent(client: Client) -> None:
    job = add_job(client.parts, webhook_url=URL)
    run_job(client.parts, job)
    client.delete(f"/jobs/{job.id}")
    assert list(client.parts.webhooks.take(client.parts.clock(), 10, hold_seconds=60)) == []


# --- of batches ---------------------------------------------------------------------------------


def _send(client: Client, headers: dict[str, str] | None = None, **fields: Any) -> httpx.Response:
    owner = "alice" if headers else "anonymous"
    client.parts.voices.add(voice := make_voice(client.parts.clock(), owner=owner), limit=10)
    items = [{"text": "One."}, {"text": "Two."}]
    return client.post("/batches", json={"items": items, "voice_id": voice.id, **fields}, headers=headers)


def _end(client: Client, batch_id: str) -> None:
    for entry in client.parts.batches.entries(batch_id, 0, 10):
        assert entry.job is not None
        client.parts.jobs.replace(client.parts.jobs.get(entry.job_id), request_cancel(entry.job, client.parts.clock()))


def test_a_batch_is_told_of_once_its_last_job_has_ended(client: Client) -> None:
    body = _send(client, batch_webhook_url=URL).json()
    shown = {"url": URL, "attempts": 0, "last_status": None}
    assert body["webhook"] == {**shown, "state": "waiting", "next_attempt_at": None}
    batch = client.parts.batches.get(body["batch_id"])
    assert URL not in repr(batch)
    assert [entry.job.webhook_url for entry in client.parts.batches.entries(batch.id, 0, 10) if entry.job] == [None] * 2
    _end(client, batch.id)
    path = f"/batches/{batch.id}"
    assert client.get(path).json()["webhook"] == {
        **shown,
        "state": "pending",
        "next_attempt_at": "2027-01-15T08:00:00Z",
    }
    _try(client, 204)
    assert client.get("/batches").json()["batches"][0]["webhook"]["state"] == "delivered"
    detail = client.get(f"{path}/webhook").json()
    assert (detail["webhook_id"], detail["state"], len(detail["tries"])) == (f"msg_{batch.id}", "delivered", 1)
    assert client.post(f"{path}/webhook/redeliver").json()["state"] == "pending"
    _try(client, 204)


def test_a_batch_without_one_has_none(client: Client) -> None:
    body = _send(client, webhook_url=URL).json()
    assert body["webhook"] is None
    answer = client.get(f"/batches/{body['batch_id']}/webhook")
    assert (answer.status_code, answer.json()["type"]) == (404, "/problems/webhook-not-found")


def test_what_has_not_ended_of_a_batch_is_not_sent(client: Client) -> None:
    batch_id = _send(client, batch_webhook_url=URL).json()["batch_id"]
    answer = client.post(f"/batches/{batch_id}/webhook/redeliver")
    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/job-state-conflict")


def test_a_batchs_url_is_held_to_what_a_jobs_is(client: Client, make_client: MakeClient) -> None:
    refused = _send(client, batch_webhook_url="https://127.0.0.1/").json()
    assert (refused["type"], refused["field"]) == ("/problems/url-refused", "batch_webhook_url")
    off = _send(make_client(), batch_webhook_url=URL).json()
    assert (off["type"], off["field"]) == ("/problems/webhooks-off", "batch_webhook_url")
    files = {"items": ("items.jsonl", b'{"text": "Hello."}'), "voice": ("voice.wav", REFERENCE)}
    form = {"ref_text": REFERENCE_TEXT, "batch_webhook_url": URL}
    assert client.post("/batches", data=form, files=files).json()["webhook"]["url"] == URL


def test_a_deleted_batchs_webhook_is_not_sent(client: Client) -> None:
    batch_id = _send(client, batch_webhook_url=URL).json()["batch_id"]
    _end(client, batch_id)
    assert client.delete(f"/batches/{batch_id}").status_code == 204
    assert list(client.parts.webhooks.take(client.parts.clock(), 10, hold_seconds=60)) == []


def test_what_a_batchs_webhook_says_is_documented(client: Client) -> None:
    document = client.get("/openapi.json").json()
    assert {"job-ended", "batch-ended"} == document["webhooks"].keys()
