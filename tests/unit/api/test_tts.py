"""`POST /tts`: from form to job, or to audio, and what is left where a part is away."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import cast

import pytest

from f5_tts_core import limits
from services.shared.errors import BlobStoreUnavailable
from services.shared.job import Job, JobFault, JobStatus, fail, request_cancel
from services.shared.lane import Lane
from services.shared.line import Admitted
from services.shared.parts import Parts
from services.shared.testing import memory_parts
from services.shared.testing.jobs import MemoryJobStore
from services.shared.testing.line import MemoryJobLine
from tests.unit.api.client import ALICE, REFERENCE, REFERENCE_TEXT, Client, bearer, obliging, run_job, start_job

MakeClient = Callable[..., Client]


# --- a job for a request ---------------------------------------------------------------------------


def test_answers_the_queued_job(client: Client) -> None:
    answer = client.speak()
    body = answer.json()
    assert answer.status_code == 202
    assert answer.headers["location"] == f"/jobs/{body['job_id']}"
    assert answer.headers["x-job-id"] == body["job_id"]
    assert (body["status"], body["result_url"], body["error"], body["output"]) == ("queued", None, None, None)
    assert body["urls"]["self"] == answer.headers["location"]
    assert body["input"]["text"] == "Hello there."


def test_stores_voice_and_job_before_it_sends_the_id(client: Client) -> None:
    job_id = client.speak().json()["job_id"]
    job = client.parts.jobs.get(job_id)
    assert client.parts.queue.sent == [job_id]
    assert client.parts.blobs.get(job.input.reference_key) == REFERENCE
    assert job.input.reference_sha256 == hashlib.sha256(REFERENCE).hexdigest()
    assert job.enqueued_at == client.parts.clock()
    assert job.input.ref_text == REFERENCE_TEXT


def test_takes_every_field(client: Client) -> None:
    fields = {"speed": "1.5", "seed": "42", "nfe_step": "9", "cfg_strength": "0", "remove_silence": "true"}
    job_id = client.speak(**fields, preset="quality", format="flac", mode="async").json()["job_id"]
    spoken = client.parts.jobs.get(job_id).input
    assert (spoken.speed, spoken.seed, spoken.nfe_step, spoken.cfg_strength) == (1.5, 42, 9, 0.0)
    assert (spoken.remove_silence, spoken.format) == (True, "flac")


def test_takes_every_choice_of_output(client: Client) -> None:
    fields = {"format": "mp3", "sample_rate": "44100", "bitrate": "128", "loudness": "-16", "trim": "true"}
    answer = client.speak(**fields).json()
    spoken = client.parts.jobs.get(answer["job_id"]).input
    assert (spoken.format, spoken.sample_rate, spoken.bitrate, spoken.bit_depth) == ("mp3", 44_100, 128, None)
    assert (spoken.loudness, spoken.trim) == (-16.0, True)
    assert answer["input"].items() >= {"sample_rate": 44_100, "bitrate": 128, "loudness": -16.0, "trim": True}.items()


def test_the_job_tells_what_was_chosen_where_nothing_was_asked(client: Client) -> None:
    wav, opus = (client.speak(**fields).json()["input"] for fields in ({}, {"format": "opus"}))
    assert (wav["sample_rate"], wav["bit_depth"], wav["bitrate"], wav["loudness"]) == (24_000, 16, None, None)
    assert (opus["sample_rate"], opus["bit_depth"], opus["bitrate"], opus["trim"]) == (24_000, None, 48, False)


def test_leaves_to_the_settings_what_is_left_out(make_client: MakeClient) -> None:
    client = make_client(speed=0.75, nfe_step=5, cfg_strength=3.5)
    spoken = client.parts.jobs.get(client.speak(seed="").json()["job_id"]).input
    assert (spoken.speed, spoken.nfe_step, spoken.cfg_strength, spoken.seed) == (0.75, 5, 3.5, None)
    assert (spoken.remove_silence, spoken.format) == (False, "wav")


@pytest.mark.parametrize(("preset", "steps"), limits.PRESETS.items())
def test_a_preset_is_a_number_of_steps(client: Client, preset: str, steps: int) -> None:
    assert client.speak(preset=preset).json()["input"]["nfe_step"] == steps


def test_the_job_belongs_to_the_key(locked: Client) -> None:
    job_id = locked.speak(headers=bearer(ALICE)).json()["job_id"]
    assert locked.parts.jobs.get(job_id).owner == "alice"


def test_a_voice_that_spills_to_disk_arrives_whole(client: Client) -> None:
    padded = REFERENCE + bytes(2 * 1024 * 1024)
    job = client.parts.jobs.get(client.speak(voice=padded).json()["job_id"])
    assert client.parts.blobs.get(job.input.reference_key) == padded


# --- waiting for the audio ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("audio_format", "content_type"),
    [("flac", "audio/flac"), ("mp3", "audio/mpeg"), ("opus", "audio/ogg"), ("aac", "audio/aac"), ("pcm", "audio/pcm")],
)
def test_the_audio_says_what_it_is(client: Client, audio_format: str, content_type: str) -> None:
    answer = obliging(client, run_job).speak(mode="sync", format=audio_format)
    assert (answer.status_code, answer.headers["content-type"]) == (200, content_type)
    job = client.parts.jobs.get(answer.headers["x-job-id"])
    assert job.output is not None
    assert job.output.key.endswith(f".{audio_format}")


@pytest.mark.parametrize(("headers", "fields"), [({"Prefer": "wait=5"}, {}), ({}, {"mode": "sync"})])
def test_answers_the_audio_to_a_client_that_waits(
    client: Client, headers: dict[str, str], fields: dict[str, str]
) -> None:
    answer = obliging(client, run_job).speak(headers=headers, **fields)
    assert (answer.status_code, answer.content) == (200, b"RIFF-audio")
    assert answer.headers["content-type"] == "audio/wav"
    assert answer.headers["content-location"] == f"/jobs/{answer.headers['x-job-id']}/audio"
    assert answer.headers.get("preference-applied") == (headers.get("Prefer"))


def test_the_default_mode_is_a_setting(make_client: MakeClient) -> None:
    client = obliging(make_client(default_mode="sync"), run_job)
    assert client.speak().status_code == 200
    assert client.speak(headers={"Prefer": "respond-async"}).status_code == 202
    assert client.speak(mode="async").status_code == 202


def test_answers_the_job_when_the_audio_is_not_ready_in_time(make_client: MakeClient) -> None:
    client = obliging(make_client(max_wait_seconds=0.15), start_job)
    answer = client.speak(headers={"Prefer": "wait=60"})
    assert (answer.status_code, answer.json()["status"]) == (202, "processing")
    assert answer.headers["preference-applied"] == "wait=0.15"


@pytest.mark.parametrize(
    ("kind", "status"), [("audio-silent", 400), ("text-unsupported-characters", 422), ("engine-failed", 500)]
)
def test_answers_the_problem_of_a_job_that_failed_meanwhile(client: Client, kind: str, status: int) -> None:
    def fail_it(parts: Parts, job: Job) -> None:
        running = start_job(parts, job)
        fault = JobFault(kind, "It failed", "This is why.")
        parts.jobs.replace(running, fail(running, running.attempt, fault, parts.clock()))

    answer = obliging(client, fail_it).speak(mode="sync")
    body = answer.json()
    assert (answer.status_code, body["type"], body["detail"]) == (status, f"/problems/{kind}", "This is why.")
    assert client.parts.jobs.get(body["job_id"]).status is JobStatus.FAILED


def test_answers_a_conflict_for_a_job_that_was_canceled_meanwhile(client: Client) -> None:
    def cancel_it(parts: Parts, job: Job) -> None:
        parts.jobs.replace(job, request_cancel(job, parts.clock()))

    answer = obliging(client, cancel_it).speak(mode="sync")
    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/audio-not-ready")


def test_answers_the_job_when_its_audio_cannot_be_had_now(client: Client) -> None:
    def run_and_unplug(parts: Parts, job: Job) -> None:
        run_job(parts, job)
        parts.blobs.down = True

    answer = obliging(client, run_and_unplug).speak(mode="sync")
    assert (answer.status_code, answer.json()["status"]) == (202, "succeeded")


def test_keeps_an_accepted_job_when_the_store_goes_away_meanwhile(make_client: MakeClient) -> None:
    def unplug(parts: Parts, _: Job) -> None:
        parts.jobs.down = True

    answer = obliging(make_client(max_wait_seconds=0.15), unplug).speak(mode="sync")
    assert (answer.status_code, answer.json()["status"]) == (202, "queued")


# --- parts away ------------------------------------------------------------------------------------


def test_no_turn_is_asked_for_while_as_many_messages_wait_as_may() -> None:
    class CountingLine(MemoryJobLine):
        asked = 0

        def admit(self, now: float, lead: int) -> Sequence[Admitted]:
            self.asked += 1
            return super().admit(now, lead)

    parts = memory_parts(queue_lead=2)
    line = CountingLine(cast(MemoryJobStore, parts.jobs))
    client = Client(replace(parts, line=line))
    answers = [client.speak().json() for _ in range(4)]
    assert line.asked == len(client.parts.queue.sent) == 2
    assert [answer["queue_position"] for answer in answers] == [0, 1, 2, 3]


def test_a_queue_that_is_away_only_delays(client: Client) -> None:
    client.parts.queue.down = True
    answer = client.speak()
    assert answer.status_code == 202
    assert client.parts.jobs.get(answer.json()["job_id"]).enqueued_at is None


def test_a_worker_quicker_than_the_api_is_no_error(client: Client) -> None:
    send = client.parts.queue.send

    def send_and_claim(job_id: str, *sent: Lane, **along: str | None) -> None:
        send(job_id, *sent, **along)
        start_job(client.parts, client.parts.jobs.get(job_id))

    client.parts.queue.send = send_and_claim
    job_id = client.speak().json()["job_id"]
    assert client.parts.jobs.get(job_id).status is JobStatus.PROCESSING


@pytest.mark.parametrize(("part", "kind"), [("jobs", "job-store"), ("blobs", "blob-store")])
def test_a_store_that_is_away_refuses_and_leaves_nothing(client: Client, part: str, kind: str) -> None:
    getattr(client.parts, part).down = True
    answer = client.speak()
    assert (answer.status_code, answer.json()["type"]) == (503, f"/problems/{kind}-unavailable")
    assert int(answer.headers["retry-after"]) > 0
    getattr(client.parts, part).down = False
    assert not client.parts.blobs.blobs
    assert not client.parts.jobs.queued(10)
    assert not client.parts.queue.sent


def test_a_blob_half_written_is_taken_back(client: Client) -> None:
    put = client.parts.blobs.put

    def put_and_fail(key: str, *rest: object) -> None:
        put(key, *rest)
        raise BlobStoreUnavailable("The answer was lost.")

    client.parts.blobs.put = put_and_fail
    assert client.speak().status_code == 503
    assert not client.parts.blobs.blobs
