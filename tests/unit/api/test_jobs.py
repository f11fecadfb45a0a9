"""`/jobs`: one caller's jobs, and nobody else's."""

from collections.abc import Callable

import pytest

from f5_tts_core.testing import speech_like, wav_bytes
from services.shared.errors import BlobNotFound
from services.shared.job import JobFault, JobStatus, fail
from tests.unit.api.client import ALICE, BOB, Client, add_job, bearer, run_job, start_job

MakeClient = Callable[..., Client]

# --- reading ---------------------------------------------------------------------------------------


def test_a_finished_job_says_all_there_is_to_know(client: Client) -> None:
    job = run_job(client.parts, add_job(client.parts))
    answer = client.get(f"/jobs/{job.id}")
    body = answer.json()
    assert answer.headers["cache-control"] == "no-store"
    assert (body["job_id"], body["status"], body["progress"]) == (job.id, "succeeded", 1.0)
    assert client.parts.blobs.fetch(body["result_url"]) == b"RIFF-audio"
    assert body["created_at"] == body["completed_at"] == "2027-01-15T08:00:00Z"
    assert body["output"].items() >= {"format": "wav", "bytes": 10, "duration_s": 1.5, "seed": 7}.items()
    measured = {"sample_rate": 24_000, "bitrate": None, "peak_dbfs": -1.9, "loudness_lufs": -19.7}
    assert body["output"].items() >= measured.items()
    assert body["output"]["expires_at"] == "2027-01-22T08:00:00Z"
    assert body["metrics"] == {"total": 0.5}
    assert (body["error"], body["attempts"]) == (None, 1)
    path = f"/jobs/{job.id}"
    urls = {name: f"{path}/{name}" for name in ("cancel", "audio", "stream", "events")}
    assert body["urls"] == {"self": path, **urls}


def test_the_url_is_signed_afresh_at_each_read(make_client: MakeClient) -> None:
    client = make_client(result_url_seconds=60)
    job = run_job(client.parts, add_job(client.parts))
    first = client.get(f"/jobs/{job.id}").json()["result_url"]
    client.parts.clock.advance(61)
    second = client.get(f"/jobs/{job.id}").json()["result_url"]
    assert client.parts.blobs.fetch(second) == b"RIFF-audio"
    with pytest.raises(PermissionError):
        client.parts.blobs.fetch(first)


def test_a_failed_job_says_why(client: Client) -> None:
    job = start_job(client.parts, add_job(client.parts))
    fault = JobFault("audio-silent", "Silent", "Nothing is heard in it.")
    client.parts.jobs.replace(job, fail(job, job.attempt, fault, client.parts.clock()))
    body = client.get(f"/jobs/{job.id}").json()
    expected = {"type": "/problems/audio-silent", "title": "Silent", "detail": "Nothing is heard in it."}
    assert (body["status"], body["error"], body["result_url"]) == ("failed", expected, None)


def test_an_unknown_job(client: Client) -> None:
    answer = client.get("/jobs/0123")
    assert (answer.status_code, answer.json()["type"]) == (404, "/problems/job-not-found")
    assert answer.headers["content-type"] == "application/problem+json"


def test_the_way_to_the_audio(client: Client) -> None:
    job = run_job(client.parts, add_job(client.parts))
    answer = client.get(f"/jobs/{job.id}/audio")
    assert (answer.status_code, answer.headers["cache-control"]) == (302, "no-store")
    assert client.parts.blobs.fetch(answer.headers["location"]) == b"RIFF-audio"


def test_no_audio_yet(client: Client) -> None:
    job = add_job(client.parts)
    answer = client.get(f"/jobs/{job.id}/audio")
    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/audio-not-ready")


def test_audio_that_has_outlived_its_time(make_client: MakeClient) -> None:
    client = make_client(output_ttl_seconds=60)
    job = run_job(client.parts, add_job(client.parts))
    assert client.get(f"/jobs/{job.id}").json()["output"]["expires_at"] == "2027-01-15T08:01:00Z"
    client.parts.clock.advance(59)
    assert client.get(f"/jobs/{job.id}/audio").status_code == 302
    client.parts.clock.advance(1)
    answer = client.get(f"/jobs/{job.id}/audio")
    assert (answer.status_code, answer.json()["type"]) == (410, "/problems/audio-expired")
    assert "2027-01-15T08:01:00Z" in answer.json()["detail"]
    body = client.get(f"/jobs/{job.id}").json()
    assert (body["status"], body["result_url"], body["output"]["duration_s"]) == ("succeeded", None, 1.5)


def test_audio_whose_record_has_gone(client: Client) -> None:
    job = run_job(client.parts, add_job(client.parts))
    client.parts.clock.advance(client.parts.settings.job_ttl_seconds)
    answer = client.get(f"/jobs/{job.id}/audio")
    assert (answer.status_code, answer.json()["type"]) == (404, "/problems/job-not-found")


# --- listing ---------------------------------------------------------------------------------------


def test_pages_newest_first(client: Client) -> None:
    ids = []
    for _ in range(5):
        ids.append(add_job(client.parts).id)
        client.parts.clock.advance(1)
    seen: list[str] = []
    cursor = None
    for expected in (2, 2, 1):
        page = client.get("/jobs", params={"limit": 2} | ({"cursor": cursor} if cursor else {})).json()
        assert len(page["jobs"]) == expected
        seen += [job["job_id"] for job in page["jobs"]]
        cursor = page["next_cursor"]
    assert (seen, cursor) == (ids[::-1], None)


def test_lists_one_state(client: Client) -> None:
    add_job(client.parts)
    done = run_job(client.parts, add_job(client.parts))
    page = client.get("/jobs", params={"status": "succeeded"}).json()
    assert [job["job_id"] for job in page["jobs"]] == [done.id]


@pytest.mark.parametrize(
    ("name", "value"),
    [("limit", "0"), ("limit", "101"), ("limit", "x"), ("status", "lost"), ("cursor", "?"), ("cursor", "x" * 300)],
)
def test_refuses_what_is_no_page(client: Client, name: str, value: str) -> None:
    answer = client.get("/jobs", params={name: value})
    body = answer.json()
    assert (answer.status_code, body["type"], body["field"]) == (422, "/problems/field-invalid", name)


# --- stopping --------------------------------------------------------------------------------------


def test_cancels_a_queued_job_at_once(client: Client) -> None:
    answer = client.post(f"/jobs/{add_job(client.parts).id}/cancel")
    assert (answer.status_code, answer.json()["status"]) == (200, "canceled")


def test_asks_a_running_job_to_stop(client: Client) -> None:
    job = start_job(client.parts, add_job(client.parts))
    answer = client.post(f"/jobs/{job.id}/cancel")
    assert (answer.status_code, answer.json()["status"], answer.json()["cancel_requested"]) == (202, "processing", True)
    assert client.parts.jobs.get(job.id).cancel_requested


def test_a_job_canceled_before_it_began_leaves_no_recording_behind(client: Client) -> None:
    voice = {"voice": ("voice.wav", wav_bytes(speech_like(2.0)))}
    job_id = client.post("/tts", data={"text": "Hello.", "ref_text": "What was said in here."}, files=voice).json()[
        "job_id"
    ]
    client.post(f"/jobs/{job_id}/cancel")
    with pytest.raises(BlobNotFound):
        client.parts.blobs.get(client.parts.jobs.get(job_id).input.reference_key)


def test_an_outage_of_the_object_store_does_not_keep_a_job_from_being_canceled(client: Client) -> None:
    job = add_job(client.parts)
    client.parts.blobs.down = True
    assert client.post(f"/jobs/{job.id}/cancel").json()["status"] == "canceled"


def test_does_not_cancel_what_has_ended(client: Client) -> None:
    job = run_job(client.parts, add_job(client.parts))
    answer = client.post(f"/jobs/{job.id}/cancel")
    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/job-state-conflict")
    assert answer.json()["detail"] == "The job has ended: it is succeeded."


def test_a_job_claimed_while_it_is_canceled_is_asked_to_stop(client: Client) -> None:
    job = add_job(client.parts)
    replace = client.parts.jobs.replace

    def claim_first(old: object, new: object) -> object:
        client.parts.jobs.replace = replace
        start_job(client.parts, job)
        return replace(old, new)

    client.parts.jobs.replace = claim_first
    assert client.post(f"/jobs/{job.id}/cancel").status_code == 202
    assert client.parts.jobs.get(job.id).cancel_requested


# --- deleting --------------------------------------------------------------------------------------


def test_deletes_record_and_audio(client: Client) -> None:
    job_id = client.speak().json()["job_id"]
    run_job(client.parts, client.parts.jobs.get(job_id))
    answer = client.delete(f"/jobs/{job_id}")
    assert (answer.status_code, answer.content) == (204, b"")
    assert not client.parts.blobs.blobs
    assert client.get(f"/jobs/{job_id}").status_code == 404


def test_a_second_deletion_finds_nothing(client: Client) -> None:
    job = add_job(client.parts)
    assert client.delete(f"/jobs/{job.id}").status_code == 204
    assert client.delete(f"/jobs/{job.id}").status_code == 404


def test_a_deletion_that_failed_halfway_can_be_repeated(client: Client) -> None:
    job = run_job(client.parts, add_job(client.parts))
    client.parts.blobs.down = True
    assert client.delete(f"/jobs/{job.id}").status_code == 503
    client.parts.blobs.down = False
    assert client.delete(f"/jobs/{job.id}").status_code == 204


def test_cancels_a_running_job_before_it_goes(client: Client) -> None:
    job = start_job(client.parts, add_job(client.parts))
    remove = client.parts.jobs.remove
    states: list[bool] = []

    def note(job_id: str) -> None:
        states.append(client.parts.jobs.get(job_id).cancel_requested)
        remove(job_id)

    client.parts.jobs.remove = note
    assert client.delete(f"/jobs/{job.id}").status_code == 204
    assert states == [True]
    assert not client.parts.jobs.beat(job.id, job.attempt, progress=0.5, lease_until=0.0).owned


# --- who may ---------------------------------------------------------------------------------------

ROUTES = [
    ("POST", "/tts", 415),
    ("GET", "/jobs", 200),
    ("GET", "/jobs/{id}", 200),
    ("GET", "/jobs/{id}/audio", 302),
    ("GET", "/jobs/{id}/events", 200),
    ("POST", "/jobs/{id}/cancel", 409),
    ("DELETE", "/jobs/{id}", 204),
    ("GET", "/health/detailed", 200),
    ("GET", "/config", 200),
]
OPEN = ["/healthz", "/readyz", "/version", "/docs", "/openapi.json"]


@pytest.mark.parametrize(("method", "path", "status"), ROUTES)
def test_asks_for_a_key(locked: Client, method: str, path: str, status: int) -> None:
    job = run_job(locked.parts, add_job(locked.parts, owner="alice"))
    path = path.format(id=job.id)
    for headers in ({}, bearer("wrong"), {"X-API-Key": ""}, {"X-API-Key": "wrong"}, {"Authorization": "Basic YTpi"}):
        answer = locked.request(method, path, headers=headers)
        assert (answer.status_code, answer.json()["type"]) == (401, "/problems/unauthorized")
        assert answer.headers["www-authenticate"].startswith("Bearer")
    assert locked.request(method, path, headers=bearer(ALICE)).status_code == status


@pytest.mark.parametrize(("method", "path"), [(method, path) for method, path, _ in ROUTES if "{id}" in path])
def test_another_tenants_job_is_as_if_it_never_was(locked: Client, method: str, path: str) -> None:
    job = run_job(locked.parts, add_job(locked.parts, owner="alice"))
    foreign = locked.request(method, path.format(id=job.id), headers=bearer(BOB))
    unknown = locked.request(method, path.format(id="0" * 32), headers=bearer(BOB))
    assert foreign.status_code == unknown.status_code == 404
    assert foreign.json()["detail"] == unknown.json()["detail"]
    assert locked.parts.jobs.get(job.id).status is JobStatus.SUCCEEDED


def test_lists_only_ones_own(locked: Client) -> None:
    add_job(locked.parts, owner="alice")
    assert locked.get("/jobs", headers=bearer(BOB)).json() == {"jobs": [], "next_cursor": None}
    assert len(locked.get("/jobs", headers={"X-API-Key": ALICE}).json()["jobs"]) == 1


@pytest.mark.parametrize("path", OPEN)
def test_probes_and_documentation_need_no_key(locked: Client, path: str) -> None:
    assert locked.get(path).status_code == 200
