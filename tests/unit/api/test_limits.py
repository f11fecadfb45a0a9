"""What a tenant may use, how it is told, and what happens beyond."""

import re
from typing import Any

import httpx
from starlette.requests import HTTPConnection
from structlog.testing import capture_logs

from services.api.callers.allowances import Allowance, headers, note
from services.shared.api_key import Quotas
from services.shared.job import JobStatus
from services.shared.testing import START, ManualClock, memory_parts
from services.shared.testing.voices import make_voice
from tests.unit.api.client import Client, add_job, bearer, run_job, store_key

DAY = 86_400
LEFT_TODAY = int(DAY - START % DAY)


def client_with(clock: ManualClock | None = None, **limits: Any) -> Client:
    return Client(memory_parts(clock=clock or ManualClock(), require_auth=True, **limits))


def assert_refused(answer: httpx.Response, kind: str, retry_after: int) -> None:
    assert (answer.status_code, answer.json()["type"]) == (429, f"/problems/{kind}")
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["retry-after"] == str(retry_after)


def test_of_each_limit_the_last_word_counts() -> None:
    """A session is held to them again and again, and has one answer at most."""
    connection = HTTPConnection({"type": "websocket"})
    for left in (2, 1):
        note(connection, Allowance("jobs", 3, left, unit="concurrent-jobs"))
    assert headers(connection.scope)["RateLimit"] == '"jobs";r=1'


# --- requests --------------------------------------------------------------------------------------


def test_every_answer_tells_what_is_left() -> None:
    client = client_with(tenant_requests_per_minute=3)
    key = bearer(store_key(client.parts, "acme"))
    for path, left in (("/jobs", 2), ("/jobs/nowhere", 1), ("/config", 0)):
        answer = client.get(path, headers=key)
        assert answer.headers["ratelimit-policy"] == '"requests";q=3;w=60'
        assert answer.headers["ratelimit"] == f'"requests";r={left};t=60'


def test_beyond_the_limit_it_says_when_to_come_back() -> None:
    clock = ManualClock()
    client = client_with(clock, tenant_requests_per_minute=2)
    key = bearer(store_key(client.parts, "acme"))
    client.get("/jobs", headers=key)
    clock.advance(20.5)
    client.get("/jobs", headers=key)
    refused = client.get("/jobs", headers=key)
    assert_refused(refused, "rate-limited", 40)
    assert refused.headers["ratelimit"] == '"requests";r=0;t=40'
    clock.advance(40)
    assert client.get("/jobs", headers=key).status_code == 200
    assert_refused(client.get("/jobs", headers=key), "rate-limited", 20)


def test_a_tenants_keys_share_what_it_may() -> None:
    client = client_with(tenant_requests_per_minute=2)
    one, two, other = (bearer(store_key(client.parts, who)) for who in ("acme", "acme", "other"))
    assert [client.get("/jobs", headers=key).status_code for key in (one, two, one, other)] == [200, 200, 429, 200]


def test_a_key_with_a_number_of_its_own_is_counted_by_itself() -> None:
    client = client_with(tenant_requests_per_minute=1)
    usual = bearer(store_key(client.parts, "acme"))
    more = bearer(store_key(client.parts, "acme", quotas=Quotas(requests_per_minute=2)))
    free = bearer(store_key(client.parts, "acme", quotas=Quotas(requests_per_minute=0)))
    assert [client.get("/jobs", headers=key).status_code for key in (usual, more, more)] == [200, 200, 200]
    assert [client.get("/jobs", headers=key).status_code for key in (usual, more)] == [429, 429]
    unlimited = [client.get("/jobs", headers=free) for _ in range(5)]
    assert {(answer.status_code, "ratelimit" in answer.headers) for answer in unlimited} == {(200, False)}


def test_who_is_not_asked_is_not_counted() -> None:
    client = Client(memory_parts(tenant_requests_per_minute=1, tenant_concurrent_jobs=1))
    answers = [client.speak() for _ in range(3)]
    assert {(answer.status_code, "ratelimit" in answer.headers) for answer in answers} == {(202, False)}


def test_wrong_keys_use_up_nobodys_requests() -> None:
    client = client_with(tenant_requests_per_minute=1)
    key = store_key(client.parts, "acme")
    for _ in range(3):
        assert client.get("/jobs", headers=bearer(key[:-3] + "---")).status_code == 401
    assert client.get("/jobs", headers=bearer(key)).status_code == 200


def test_where_it_cannot_be_counted_it_lets_pass() -> None:
    client = client_with()
    key = bearer(store_key(client.parts, "acme"))
    client.parts.rates.down = True  # type: ignore[attr-defined]
    with capture_logs() as lines:
        answer = client.get("/jobs", headers=key)
    assert (answer.status_code, "ratelimit" in answer.headers) == (200, False)
    assert "metering.not_counted" in [line["event"] for line in lines]


# --- jobs ------------------------------------------------------------------------------------------


def test_jobs_under_way_are_limited() -> None:
    client = client_with(tenant_concurrent_jobs=2, tenant_requests_per_minute=0)
    key = bearer(store_key(client.parts, "acme"))
    first = client.speak(headers=key)
    assert first.headers["ratelimit-policy"] == '"jobs";q=2;qu="concurrent-jobs"'
    assert first.headers["ratelimit"] == '"jobs";r=1'
    assert client.speak(headers=key).headers["ratelimit"] == '"jobs";r=0'
    refused = client.speak(headers=key)
    assert_refused(refused, "job-limit-reached", 5)
    assert refused.headers["ratelimit"] == '"jobs";r=0'
    run_job(client.parts, client.parts.jobs.get(first.json()["job_id"]))
    assert client.speak(headers=key).status_code == 202
    assert client.speak(headers=bearer(store_key(client.parts, "other"))).status_code == 202


def test_of_two_at_the_last_place_the_store_lets_in_one() -> None:
    """What was looked up before the work may be true no more when the job is added."""
    client = client_with(tenant_concurrent_jobs=1)
    key = bearer(store_key(client.parts, "acme"))
    check, parts = client.app.state.api.checks.check, client.parts
    client.app.state.api.checks.check = lambda *of: (check(*of), add_job(parts, owner="acme"))[0]
    assert_refused(client.speak(headers=key), "job-limit-reached", 5)
    assert not client.parts.blobs.blobs  # type: ignore[attr-defined]
    assert parts.jobs.counts()[JobStatus.QUEUED] == 1


def test_a_batch_is_taken_whole_or_not_at_all() -> None:
    client = client_with(tenant_concurrent_jobs=3)
    key = bearer(store_key(client.parts, "acme"))
    client.parts.voices.add(voice := make_voice(START, owner="acme"), limit=10)
    batch = {"items": [{"text": "One."}, {"text": "Two."}], "voice_id": voice.id}
    assert client.post("/batches", json=batch, headers=key).status_code == 202
    refused = client.post("/batches", json=batch, headers=key)
    assert_refused(refused, "job-limit-reached", 5)
    assert client.parts.jobs.usage("acme", START).jobs == 2
    assert len(client.parts.batches.page("acme", limit=10).batches) == 1


def test_a_replayed_submission_is_no_second_job() -> None:
    client = client_with(tenant_concurrent_jobs=1)
    headers = {**bearer(store_key(client.parts, "acme")), "Idempotency-Key": "once"}
    first, again = client.speak(headers=headers), client.speak(headers=headers)
    assert (again.status_code, again.json()["job_id"]) == (202, first.json()["job_id"])


# --- audio -----------------------------------------------------------------------------------------


def test_the_days_audio_is_limited_by_what_was_made() -> None:
    clock = ManualClock()
    client = client_with(clock, tenant_audio_seconds_per_day=2.0, tenant_requests_per_minute=0)
    key = bearer(store_key(client.parts, "acme"))
    for left in ("2", "0"):  # Each is 1.5 s long.
        answer = client.speak(headers=key)
        policies = re.findall(r'"(\w+)";q=(\d+)(?:;qu="([\w-]+)")?(?:;w=(\d+))?', answer.headers["ratelimit-policy"])
        assert policies == [("jobs", "10000", "concurrent-jobs", ""), ("audio", "2", "seconds", str(DAY))]
        assert f'"audio";r={left};t={LEFT_TODAY}' in answer.headers["ratelimit"]
        run_job(client.parts, client.parts.jobs.get(answer.json()["job_id"]))
    assert_refused(client.speak(headers=key), "audio-quota-used", LEFT_TODAY)
    assert client.get("/jobs", headers=key).status_code == 200
    assert client.speak(headers=bearer(store_key(client.parts, "other"))).status_code == 202
    more = store_key(client.parts, "acme", quotas=Quotas(audio_seconds=10))
    assert client.speak(headers=bearer(more)).status_code == 202
    clock.advance(LEFT_TODAY)
    assert client.speak(headers=key).status_code == 202


def test_failed_jobs_use_up_nothing() -> None:
    client = client_with(tenant_audio_seconds_per_day=1.0)
    key = bearer(store_key(client.parts, "acme"))
    job = client.speak(headers=key).json()["job_id"]
    client.post(f"/jobs/{job}/cancel", headers=key)
    assert client.speak(headers=key).status_code == 202


# --- OpenAI's routes -------------------------------------------------------------------------------


def test_openais_routes_tell_it_in_openais_shape() -> None:
    client = client_with(tenant_requests_per_minute=1)
    key = bearer(store_key(client.parts, "acme"))
    client.get("/v1/models", headers=key)
    answer = client.get("/v1/models", headers=key)
    error = answer.json()["error"]
    assert (answer.status_code, error["type"], error["code"]) == (429, "rate_limit_error", "rate_limited")
    assert (answer.headers["retry-after"], answer.headers["x-should-retry"]) == ("60", "true")
    assert answer.headers["ratelimit"] == '"requests";r=0;t=60'


def test_speaking_as_openai_does_is_limited_too() -> None:
    client = client_with(tenant_concurrent_jobs=1)
    key = bearer(store_key(client.parts, "acme"))
    client.parts.voices.add(make_voice(START, name="Anna", owner="acme"), limit=10)
    add_job(client.parts, owner="acme")
    answer = client.post("/v1/audio/speech", json={"model": "tts-1", "input": "Hi.", "voice": "Anna"}, headers=key)
    assert (answer.status_code, answer.json()["error"]["code"]) == (429, "job_limit_reached")


def test_a_missing_scope_has_openais_shape() -> None:
    client = client_with()
    answer = client.get("/v1/voices", headers=bearer(store_key(client.parts, "acme", "status")))
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "scope_missing")


# --- the documentation -----------------------------------------------------------------------------


def test_every_door_documents_what_it_refuses(client: Client) -> None:
    document = client.get("/openapi.json").json()
    operations = [one for path in document["paths"].values() for one in path.values()]
    locked = [one for one in operations if "security" in one]
    assert len(locked) > 20
    for operation in locked:
        assert {"401", "403", "429", "503"} <= set(operation["responses"])
        assert {name for scheme in operation["security"] for name in scheme} == {
            "HTTPBearer",
            "APIKeyHeader",
            "XiApiKey",
        }
    assert {"HTTPBearer": ["speech"]} in document["paths"]["/tts"]["post"]["security"]
    assert "Retry-After" in document["paths"]["/jobs"]["get"]["responses"]["429"]["headers"]
