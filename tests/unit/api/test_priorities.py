"""How urgent what a route submits is, who may ask for more, and how long it has."""

from collections.abc import Callable

import pytest

from services.shared.api_key import Quotas
from services.shared.job import Job
from services.shared.lane import Lane
from services.shared.priority import Priority
from services.shared.testing import memory_parts
from tests.unit.api.client import REFERENCE, REFERENCE_TEXT, Client, bearer, obliging, run_job, store_key

Submit = Callable[[Client], object]


def last_job(client: Client) -> Job:
    """Of those after which the clock goes on."""
    (job,) = client.parts.jobs.page("anonymous", limit=1).jobs
    client.parts.clock.advance(1)  # type: ignore[attr-defined]
    return job


def _openai(client: Client) -> object:
    return client.post("/v1/audio/speech", json={"model": "tts-1", "input": "Hello.", "voice": "sample"})


def _elevenlabs(client: Client) -> object:
    return client.post("/v1/text-to-speech/sample", json={"text": "Hello."})


def _wait(client: Client) -> object:
    return client.speak(headers={"Prefer": "wait=5"})


def _stream(client: Client) -> object:
    files = {"voice": ("voice.wav", REFERENCE, "audio/wav")}
    return client.post("/tts/stream", data={"text": "Hello.", "ref_text": REFERENCE_TEXT}, files=files)


@pytest.mark.parametrize("submit", [_openai, _elevenlabs, _wait, _stream])
def test_what_somebody_waits_for_is_interactive(client: Client, submit: Submit) -> None:
    submit(obliging(client, run_job))
    assert last_job(client).priority is Priority.INTERACTIVE


def test_what_is_queued_is_as_usual_and_a_batch_is_bulk(client: Client) -> None:
    client.speak()
    assert last_job(client).priority is Priority.DEFAULT
    files = {
        "items": ("items.jsonl", b'{"text": "One."}\n', "application/jsonl"),
        "voice": ("voice.wav", REFERENCE, "audio/wav"),
    }
    assert client.post("/batches", data={"ref_text": REFERENCE_TEXT}, files=files).status_code == 202
    assert last_job(client).priority is Priority.BULK
    data = {"ref_text": REFERENCE_TEXT, "priority": "default", "deadline_s": "60"}
    assert client.post("/batches", data=data, files=files).status_code == 202
    job = last_job(client)
    assert (job.priority, job.deadline_at) == (Priority.DEFAULT, job.created_at + 60)


@pytest.mark.parametrize("priority", Priority)
def test_a_request_may_say_how_urgent_it_is(client: Client, priority: Priority) -> None:
    answer = client.speak(priority=priority)
    assert answer.json()["priority"] == priority
    assert client.parts.queue.depth([Lane(priority)]) == 1


def test_no_other_priority_is_known(client: Client) -> None:
    answer = client.speak(priority="urgent")
    assert (answer.status_code, answer.json()["type"]) == (422, "/problems/field-invalid")
    assert answer.json()["accepted"] == "one of interactive, default, bulk"


def test_a_key_may_allow_less() -> None:
    client = Client(memory_parts(require_auth=True))
    key = bearer(store_key(client.parts, "acme", quotas=Quotas(max_priority=Priority.DEFAULT, weight=2.5)))
    refused = client.speak(priority="interactive", headers=key)
    assert (refused.status_code, refused.json()["type"]) == (403, "/problems/priority-not-allowed")
    assert (refused.json()["field"], refused.json()["accepted"]) == ("priority", "default, bulk")
    lowered = client.speak(headers=key | {"Prefer": "respond-async"}, stream="true").json()
    assert lowered["priority"] == "default"
    assert client.parts.jobs.get(lowered["job_id"]).weight == 2.5
    assert client.speak(headers=key, priority="bulk").status_code == 202


def test_the_settings_say_what_keys_do_not() -> None:
    client = Client(memory_parts(require_auth=True, tenant_max_priority="bulk", tenant_weight=0.5))
    plain = bearer(store_key(client.parts, "acme"))
    better = bearer(store_key(client.parts, "other", quotas=Quotas(max_priority=Priority.INTERACTIVE)))
    job = client.speak(headers=plain).json()
    assert job["priority"] == "bulk"
    assert client.parts.jobs.get(job["job_id"]).weight == 0.5
    assert client.speak(headers=better, priority="interactive").status_code == 202


# --- deadlines --------------------------------------------------------------------------------------


def test_a_job_may_have_a_deadline(client: Client) -> None:
    job = client.speak(deadline_s="90").json()
    assert job["deadline_at"] == "2027-01-15T08:01:30Z"
    assert client.parts.jobs.get(job["job_id"]).deadline_at == client.parts.clock() + 90
    assert client.speak().json()["deadline_at"] is None


def test_the_settings_may_give_all_jobs_a_deadline(make_client: Callable[..., Client]) -> None:
    client = make_client(deadline_seconds=600)
    for fields, seconds in (({}, 600), ({"deadline_s": "900"}, 900)):
        job = client.parts.jobs.get(client.speak(**fields).json()["job_id"])
        assert job.deadline_at == client.parts.clock() + seconds


@pytest.mark.parametrize("seconds", ["0", "-5", "inf", "604801"])
def test_a_deadline_is_within_a_week(client: Client, seconds: str) -> None:
    answer = client.speak(deadline_s=seconds)
    assert (answer.status_code, answer.json()["field"]) == (422, "deadline_s")
    assert answer.json()["accepted"] == "a number from 1 to 604800"
