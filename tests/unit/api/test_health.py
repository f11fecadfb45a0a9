"""Health, configuration, documentation, and what every answer has in common."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from structlog.contextvars import merge_contextvars
from structlog.testing import capture_logs

from services.shared.ports import WorkerBeat
from tests.unit.api.client import KEYS, Client, add_job, start_job

MakeClient = Callable[..., Client]


def announce(client: Client) -> None:
    info: dict[str, str | int | float] = {"engine": "f5", "model": "timbre-tiny", "device": "cuda:0"}
    client.parts.workers.announce(WorkerBeat("worker-1", info, client.parts.clock()), ttl_seconds=10.0)


def test_is_alive_whatever_is_away(client: Client) -> None:
    client.parts.jobs.down = client.parts.blobs.down = client.parts.queue.down = True
    assert client.get("/healthz").json() == {"status": "ok"}


def test_is_ready_when_all_parts_answer(client: Client) -> None:
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["status"]) == (200, "ready")
    assert {part["name"]: part["ok"] for part in answer.json()["parts"]} == dict.fromkeys(
        ("job_store", "object_store", "queue"), True
    )


@pytest.mark.parametrize(("part", "name"), [("jobs", "job_store"), ("blobs", "object_store"), ("queue", "queue")])
def test_names_the_part_that_is_away(client: Client, part: str, name: str) -> None:
    getattr(client.parts, part).down = True
    answer = client.get("/readyz")
    body = answer.json()
    assert (answer.status_code, body["type"]) == (503, "/problems/not-ready")
    assert name in body["detail"]
    assert [one["name"] for one in body["parts"] if not one["ok"]] == [name]
    assert "retry-after" in answer.headers


def test_tells_what_runs_where(client: Client) -> None:
    announce(client)
    start_job(client.parts, add_job(client.parts))
    client.speak()
    body = client.get("/health/detailed").json()
    assert (body["status"], body["model"], body["device"]) == ("ok", "timbre-tiny", "cuda:0")
    assert (body["queue_depth"], body["jobs"]) == (1, {"queued": 1, "processing": 1})
    assert [worker["worker"] for worker in body["workers"]] == ["worker-1"]


def test_is_degraded_without_a_worker(client: Client) -> None:
    body = client.get("/health/detailed").json()
    assert (body["status"], body["workers"], body["model"]) == ("degraded", [], None)


def test_tells_what_it_can_when_parts_are_away(client: Client) -> None:
    client.parts.queue.down = client.parts.jobs.down = client.parts.workers.down = True
    answer = client.get("/health/detailed")
    body = answer.json()
    assert (answer.status_code, body["status"]) == (200, "down")
    assert (body["queue_depth"], body["jobs"], body["workers"]) == (None, None, None)
    errors = {part["name"]: part["error"] for part in body["parts"]}
    assert errors["object_store"] is None
    assert errors["queue"] == "The queue does not answer"


def test_tells_its_version(client: Client) -> None:
    assert re.fullmatch(r"\d+\.\d+\.\d+.*", client.get("/version").json()["version"])


def test_shows_settings_but_no_secrets(make_client: MakeClient) -> None:
    client = make_client(api_keys=KEYS)
    shown = client.get("/config", headers={"X-API-Key": "alice-key"}).text
    assert json.loads(shown)["model_name"] == "timbre-tiny"
    for secret in ("redis-password", "secret-key", "access-key", *KEYS.values()):
        assert secret not in shown


@pytest.mark.parametrize(
    ("slug", "status"),
    [("audio-silent", 400), ("job-not-found", 404), ("internal", 500), ("not-found", 404), ("method-not-allowed", 405)],
)
def test_a_problems_type_can_be_looked_up(client: Client, slug: str, status: int) -> None:
    body = client.get(f"/problems/{slug}").json()
    assert (body["type"], body["status"]) == (f"/problems/{slug}", status)
    assert body["title"]


def test_types_of_problems_are_listed_and_each_leads_to_itself(client: Client) -> None:
    listed = client.get("/problems").json()["problems"]
    assert [one["status"] for one in listed] == sorted(one["status"] for one in listed)
    assert {"/problems/audio-silent", "/problems/not-found"} <= {one["type"] for one in listed}
    for one in listed:
        assert client.get(one["type"]).json() == one


# The second is what errors have that are never answered by themselves.
@pytest.mark.parametrize("slug", ["none-such", "error"])
def test_an_unknown_problem(client: Client, slug: str) -> None:
    assert client.get(f"/problems/{slug}").json()["type"] == "/problems/not-found"


def test_the_front_door_leads_to_the_documentation(client: Client) -> None:
    assert client.get("/").headers["location"] == "/docs"


@pytest.mark.parametrize(
    ("path", "field", "accepted"),
    [
        ("/jobs?limit=0", "limit", "a whole number from 1 to 100"),
        ("/jobs?status=done", "status", "one of queued, processing, succeeded, failed, canceled, expired"),
        (f"/jobs/{'a' * 65}", "job_id", "text of at most 64 characters"),
        (f"/voices?cursor={'a' * 257}", "cursor", "text of at most 256 characters"),
        ("/batches/x/results?format=csv", "format", "one of json, jsonl"),
    ],
)
def test_a_parameter_that_is_wrong_is_told_what_it_takes(client: Client, path: str, field: str, accepted: str) -> None:
    body = client.get(path).json()
    assert (body["status"], body["field"], body["accepted"]) == (422, field, accepted)


# --- errors that are nobody's own -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path", "status", "kind"),
    [("GET", "/nowhere", 404, "not-found"), ("PUT", "/jobs", 405, "method-not-allowed")],
)
def test_the_frameworks_refusals_are_problems_too(
    client: Client, method: str, path: str, status: int, kind: str
) -> None:
    answer = client.request(method, path)
    assert (answer.status_code, answer.json()["type"]) == (status, f"/problems/{kind}")
    assert answer.headers["content-type"] == "application/problem+json"


def test_our_own_fault_says_nothing_of_our_insides(client: Client) -> None:
    def explode(job_id: str) -> None:
        raise RuntimeError("password=hunter2")

    client.parts.jobs.get = explode
    with capture_logs(processors=[merge_contextvars]) as lines:
        answer = client.get("/jobs/1", headers={"X-Request-ID": "trace-me"})
    assert (answer.status_code, answer.json()["type"]) == (500, "/problems/internal")
    assert answer.json()["request_id"] == answer.headers["x-request-id"] == "trace-me"
    assert "hunter2" not in answer.text
    failure, request = lines
    assert (failure["log_level"], failure["exc_info"], failure["request_id"]) == ("error", True, "trace-me")
    assert request["status"] == 500


# --- request ids and logs ---------------------------------------------------------------------------


def test_echoes_a_sane_request_id(client: Client) -> None:
    assert client.get("/healthz", headers={"X-Request-ID": "abc-123:4"}).headers["x-request-id"] == "abc-123:4"


@pytest.mark.parametrize("sent", ["", "a b", "x" * 65, "ümlaut".encode("latin-1"), '"}{'])
def test_replaces_any_other(client: Client, sent: Any) -> None:
    headers = {"X-Request-ID": sent}
    ids = {client.get("/healthz", headers=headers).headers["x-request-id"] for _ in range(2)}
    assert len(ids) == 2
    assert all(re.fullmatch("[0-9a-f]{32}", one) for one in ids)


def test_logs_one_line_a_request_without_what_was_said(client: Client) -> None:
    with capture_logs(processors=[merge_contextvars]) as lines:
        job_id = client.speak(text="My darkest secret.", ref_text="And what I said before.").json()["job_id"]
        client.get(f"/jobs/{job_id}", headers={"X-Request-ID": "mine"})
    submitted, read = lines
    assert submitted.items() >= {"method": "POST", "path": "/tts", "status": 202, "job_id": job_id}.items()
    assert read.items() >= {"path": "/jobs/{job_id}", "status": 200, "job_id": job_id, "request_id": "mine"}.items()
    assert submitted["ms"] > 0
    assert not any(said in str(lines) for said in ("secret", "said before"))


def test_probes_are_logged_only_where_they_fail(client: Client) -> None:
    with capture_logs() as lines:
        client.get("/readyz")
        client.parts.queue.down = True
        client.get("/readyz")
    assert [(line["log_level"], line["status"]) for line in lines] == [("debug", 200), ("info", 503)]


# --- browsers ---------------------------------------------------------------------------------------


def test_no_origin_is_allowed_by_default(client: Client) -> None:
    answer = client.get("/version", headers={"Origin": "https://app.example.com"})
    assert "access-control-allow-origin" not in answer.headers


def test_allows_the_origins_of_the_settings(make_client: MakeClient) -> None:
    client = make_client(cors_origins=("https://app.example.com",))
    allowed = client.get("/nowhere", headers={"Origin": "https://app.example.com"})
    assert allowed.headers["access-control-allow-origin"] == "https://app.example.com"
    assert "access-control-allow-credentials" not in allowed.headers
    other = client.get("/version", headers={"Origin": "https://evil.example.com"})
    assert "access-control-allow-origin" not in other.headers
    preflight = {"Origin": "https://app.example.com", "Access-Control-Request-Method": "DELETE"}
    assert client.request("OPTIONS", "/jobs/1", headers=preflight).status_code == 200


# --- documentation ----------------------------------------------------------------------------------


def test_every_operation_is_documented(client: Client) -> None:
    document = client.get("/openapi.json").json()
    assert set(document["paths"]) >= {"/tts", "/jobs", "/jobs/{job_id}", "/healthz", "/readyz", "/config"}
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            assert operation["summary"], (method, path)
            for status, response in operation["responses"].items():
                if status.isdecimal() and int(status) >= 400:
                    kind = "application/json" if path.startswith("/v1/") else "application/problem+json"
                    content = response["content"][kind]
                    assert content["schema"]["$ref"].rpartition("/")[2] in document["components"]["schemas"]
                    assert content["example"].get("status", int(status)) == int(status)
    assert "HTTPValidationError" not in document["components"]["schemas"]


def test_the_form_is_documented(client: Client) -> None:
    operation = client.get("/openapi.json").json()["paths"]["/tts"]["post"]
    schema = operation["requestBody"]["content"]["multipart/form-data"]["schema"]
    assert schema["required"] == ["text"]
    assert schema["properties"]["voice"]["format"] == "binary"
    assert set(operation["responses"]["200"]["content"]) >= {"audio/wav", "audio/flac"}
    assert operation["security"]


def test_webhooks_are_documented(client: Client) -> None:
    document = client.get("/openapi.json").json()
    body = document["webhooks"]["job-ended"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert body["$ref"].rpartition("/")[2] == "WebhookEvent"
    assert {"/jobs/{job_id}/webhook", "/jobs/{job_id}/webhook/redeliver"} <= set(document["paths"])


def test_the_documentation_needs_no_other_site(client: Client) -> None:
    page = client.get("/docs").text
    assets = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert assets
    assert "//" not in "".join(assets)
    for asset in assets:
        assert client.get(asset).status_code == 200
