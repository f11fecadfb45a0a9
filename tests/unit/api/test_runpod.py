"""`/run` and its like: requests as RunPod's clients send them."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from f5_tts_core.testing import wav_bytes
from services.shared.job import Job, JobFault, JobStatus, fail
from services.shared.signing import new_secret
from services.shared.testing.voices import make_voice
from tests.unit.api.client import ALICE, BOB, REFERENCE, REFERENCE_TEXT, Client, bearer, obliging, run_job, start_job

MakeClient = Callable[..., Client]

URL = "https://voices.test/anna.wav"
FAULT = JobFault("engine-failed", "The engine failed", "It did.")


@pytest.fixture
def client(make_client: MakeClient) -> Client:
    client = make_client(webhook_secret=new_secret())
    client.parts.outbound.pages[URL] = REFERENCE
    return client


def run(client: Client, route: str = "/run", headers: Any = None, **fields: Any) -> httpx.Response:
    asked = {"text": "Hello there.", "prompt_speech_url": URL, "prompt_text": REFERENCE_TEXT, **fields}
    return client.post(route, json={"input": asked}, headers=headers)


def last_job(client: Client) -> Job:
    return client.parts.jobs.get(client.parts.queue.sent[-1])


def assert_error(answer: httpx.Response, status: int, slug: str, field: str | None = None) -> None:
    body = answer.json()
    assert (answer.status_code, body["type"], body.get("field")) == (status, f"/problems/{slug}", field), answer.text
    assert body["error"] == body["detail"]


def test_queues_a_job_and_tells_of_it_until_it_is_done(client: Client) -> None:
    answer = run(client, speed=1.2, format="mp3", nfe_step=8)
    job = last_job(client)
    waiting = {"output": None, "error": None, "executionTime": None}
    assert answer.status_code == 200
    assert answer.json() == {"id": job.id, "status": "IN_QUEUE", "delayTime": None, **waiting}
    assert client.parts.blobs.get(job.input.reference_key) == REFERENCE
    assert (job.input.ref_text, job.input.speed, job.input.nfe_step) == (REFERENCE_TEXT, 1.2, 8)
    client.parts.clock.advance(1.5)
    running = start_job(client.parts, job)
    assert client.get(f"/status/{job.id}").json() == {
        "id": job.id,
        "status": "IN_PROGRESS",
        "delayTime": 1500,
        **waiting,
    }
    client.parts.jobs.replace(running, fail(running, running.attempt, FAULT, client.parts.clock.advance(2.0)))
    told = client.get(f"/status/{job.id}").json()
    assert (told["status"], told["error"]) == ("FAILED", "The engine failed: It did.")
    assert (told["delayTime"], told["executionTime"]) == (1500, 2000)


def test_runsync_answers_the_finished_job(client: Client) -> None:
    answer = run(obliging(client, run_job), "/runsync")
    told = answer.json()
    assert (answer.status_code, told["id"], told["status"]) == (200, last_job(client).id, "COMPLETED")
    assert client.parts.blobs.fetch(told["output"].pop("audio_url")) == b"RIFF-audio"
    assert told["output"] == {"format": "wav", "sample_rate": 24_000, "duration_s": 1.5, "seed": 7}


def test_runsync_answers_as_it_is_after_its_time_and_the_job_goes_on(make_client: MakeClient) -> None:
    client = make_client(runsync_seconds=0.05)
    client.parts.voices.add(make_voice(client.parts.clock(), name="Anna"), limit=9)
    voice_id = client.get("/voices").json()["voices"][0]["voice_id"]
    for query in ("", "?wait=10", "?wait=300000"):
        told = client.post(f"/runsync{query}", json={"input": {"text": "Hello.", "voice_id": voice_id}}).json()
        assert told["status"] == "IN_QUEUE"
        assert last_job(client).status is JobStatus.QUEUED


@pytest.mark.parametrize("named", ["anna", None])
def test_a_voice_is_named_by_name_or_id(client: Client, named: str | None) -> None:
    anna = make_voice(client.parts.clock(), name="Anna")
    client.parts.voices.add(anna, limit=9)
    client.post("/run", json={"input": {"text": "Hello.", "voice_id": named or anna.id}})
    assert last_job(client).input.voice_id == anna.id


def test_the_bundled_voice_is_there_from_the_start(client: Client) -> None:
    client.post("/run", json={"input": {"text": "Hello.", "voice_id": "sample"}})
    assert last_job(client).input.ref_text == "I know that you can hear the sound of my voice."
    both = {"text": "Hello.", "voice_id": "sample", "prompt_text": REFERENCE_TEXT}
    assert_error(client.post("/run", json={"input": both}), 422, "field-invalid", "voice_id")


def test_an_endpoints_id_may_stand_before_the_route(client: Client) -> None:
    """As their Python client has it."""
    job_id = run(client, "/v2/my-endpoint/run").json()["id"]
    assert client.get(f"/v2/my-endpoint/status/{job_id}").json()["status"] == "IN_QUEUE"
    assert client.post(f"/v2/my-endpoint/cancel/{job_id}").json()["status"] == "CANCELLED"
    assert_error(client.get("/v2/my-endpoint/status/nobody"), 404, "job-not-found")


def test_a_webhook_is_told(client: Client) -> None:
    asked = {"input": {"text": "Hello.", "voice_url": URL, "ref_text": REFERENCE_TEXT}, "policy": {"ttl": 1}}
    assert client.post("/run", json={**asked, "webhook": "https://receiver.test/hook"}).status_code == 200
    assert last_job(client).webhook_url == "https://receiver.test/hook"
    assert_error(client.post("/run", json={**asked, "webhook": "http://10.0.0.1/"}), 422, "url-refused", "webhook")


def test_canceling(client: Client) -> None:
    waiting = run(client).json()["id"]
    assert client.post(f"/cancel/{waiting}").json()["status"] == "CANCELLED"
    assert client.post(f"/cancel/{waiting}").json()["status"] == "CANCELLED"
    running = run(client).json()["id"]
    start_job(client.parts, client.parts.jobs.get(running))
    assert client.post(f"/cancel/{running}").json()["status"] == "IN_PROGRESS"
    assert client.parts.jobs.get(running).cancel_requested


def test_errors_say_error_too(client: Client) -> None:
    assert_error(run(client, text=" "), 422, "text-empty", "text")
    assert_error(run(client, speed=9), 422, "field-invalid", "speed")
    assert_error(run(client, volume=9), 422, "field-invalid", "volume")
    assert_error(run(client, voice_url=URL), 422, "field-invalid", "prompt_speech_url")
    assert_error(run(client, prompt_speech_url=None), 422, "field-invalid", "voice_id")
    assert_error(run(client, prompt_speech_url="http://10.0.0.1/a.wav"), 422, "url-refused", "prompt_speech_url")
    assert_error(run(client, format="mp3", bit_depth=16), 422, "field-invalid", "bit_depth")
    assert_error(client.post("/run", json={"text": "Hello."}), 422, "field-invalid", "input")
    assert_error(client.post("/runsync", content=b"x"), 415, "media-type-unsupported")
    assert_error(client.get("/status/nobody"), 404, "job-not-found")
    assert client.parts.queue.sent == []


def test_errors_name_the_field_as_it_was_sent(client: Client) -> None:
    private, silent = "http://10.0.0.1/a.wav", "https://voices.test/silent.wav"
    client.parts.outbound.pages[silent] = wav_bytes([0.0] * 48_000)
    ours = {"prompt_speech_url": None, "prompt_text": None, "voice_url": URL, "ref_text": REFERENCE_TEXT}
    assert_error(run(client, **{**ours, "voice_url": private}), 422, "url-refused", "voice_url")
    assert_error(run(client, **{**ours, "voice_url": silent}), 400, "audio-silent", "voice_url")
    assert_error(run(client, prompt_speech_url=silent), 400, "audio-silent", "prompt_speech_url")
    assert_error(run(client, **{**ours, "ref_text": " "}), 422, "text-empty", "ref_text")
    assert_error(run(client, prompt_text=" "), 422, "text-empty", "prompt_text")
    assert_error(run(client, **ours, webhook_url=private), 422, "url-refused", "webhook_url")


def test_errors_say_it_in_the_clients_words(make_client: MakeClient) -> None:
    client = make_client(transcriber="none")
    client.parts.outbound.pages[URL] = REFERENCE
    told = run(client, prompt_text=None).json()
    assert (told["type"], told["field"]) == ("/problems/transcript-needed", "prompt_text")
    assert "`prompt_text` must say" in told["error"]
    asked = {"input": {"text": "Hello.", "voice_url": URL, "ref_text": REFERENCE_TEXT}}
    told = client.post("/run", json={**asked, "webhook": "https://receiver.test/hook"}).json()
    assert (told["field"], told["accepted"]) == ("webhook", "a request without `webhook`")


def test_anothers_job_does_not_exist(locked: Client) -> None:
    locked.parts.outbound.pages[URL] = REFERENCE
    assert_error(run(locked), 401, "unauthorized")
    job_id = run(locked, headers=bearer(ALICE)).json()["id"]
    assert_error(locked.get(f"/status/{job_id}", headers=bearer(BOB)), 404, "job-not-found")
    assert_error(locked.post(f"/cancel/{job_id}", headers=bearer(BOB)), 404, "job-not-found")
    assert locked.get(f"/status/{job_id}", headers=bearer(ALICE)).json()["status"] == "IN_QUEUE"
