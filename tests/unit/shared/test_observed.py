"""Parts that are observed do what they did, and what they did is counted once."""

from dataclasses import replace

import pytest

from services.shared.adapters.prometheus_meter import PrometheusMeter
from services.shared.errors import BlobStoreUnavailable, JobNotFound, JobStoreUnavailable
from services.shared.job import Job, JobFault, JobOutput, claim, fail, output_key, release, request_cancel, succeed
from services.shared.parts import Parts
from services.shared.telemetry.observed import observed
from services.shared.telemetry.silent import SilentMeter
from services.shared.testing import make_job, memory_parts
from services.shared.webhook import Try, after
from tests.figures import figure

METRICS = {
    **{"queue_seconds": 0.5, "fetch_seconds": 0.1, "synthesis_seconds": 1.0, "total_seconds": 1.6},
    **{"engine_solver_seconds": 0.75, "engine_total_seconds": 1.0, "real_time_factor": 0.25},
}


@pytest.fixture
def meter() -> PrometheusMeter:
    return PrometheusMeter("worker", label_values=10)


@pytest.fixture
def parts(meter: PrometheusMeter) -> Parts:
    return observed(memory_parts(), meter, language="en")


def add(parts: Parts, **overrides: object) -> Job:
    job = make_job(**{"created_at": parts.clock()} | overrides)
    parts.jobs.add(job)
    return job


def start(parts: Parts, job: Job) -> Job:
    return parts.jobs.replace(job, claim(job, "worker-1", parts.clock(), 10.0))


def finish(parts: Parts, job: Job, *, cached: bool = False) -> Job:
    """It took two seconds from its submission, and speaks for four."""
    running = start(parts, job)
    output = JobOutput(output_key(job.id, 1, "wav"), "wav", 9, "0" * 64, 4.0, 24_000, 7, cached=cached)
    return parts.jobs.replace(running, succeed(running, running.attempt, output, METRICS, job.created_at + 2.0))


def test_what_a_job_took_and_made_is_counted_when_it_succeeds(parts: Parts, meter: PrometheusMeter) -> None:
    finish(parts, add(parts, owner="alice"))
    assert figure(meter, "tts_jobs_ended_total", status="succeeded", fault="none") == 1
    assert figure(meter, "tts_audio_seconds_total", tenant="alice", voice="none", language="en") == 4.0
    assert figure(meter, "tts_job_duration_seconds_sum") == 2.0
    assert figure(meter, "tts_time_to_first_audio_seconds_sum", streamed="false") == 2.0
    assert figure(meter, "tts_job_queue_seconds_sum") == 0.5
    assert figure(meter, "tts_real_time_factor_sum") == 0.25
    stages = {stage: figure(meter, "tts_job_stage_seconds_sum", stage=stage) for stage in ("fetch", "engine_solver")}
    assert stages == {"fetch": 0.1, "engine_solver": 0.75}
    assert figure(meter, "tts_job_stage_seconds_count") == 3


def test_a_job_counts_for_its_model_or_that_of_who_spoke_it(meter: PrometheusMeter) -> None:
    parts = observed(memory_parts(served_model_name="base"), meter)
    finish(parts, add(parts, model="tuned"))
    finish(parts, add(parts))
    waiting = add(parts, model="tuned")
    parts.jobs.replace(waiting, request_cancel(waiting, parts.clock()))
    for name in ("job_duration_seconds_count", "job_queue_seconds_count", "real_time_factor_count"):
        for model in ("base", "tuned"):
            assert figure(meter, f"tts_{name}", model=model) == 1
    assert figure(meter, "tts_jobs_ended_total", model="tuned", status="canceled") == 1
    assert figure(meter, "tts_jobs_ended_total", model="tuned") == 2


def test_the_same_end_stored_twice_is_counted_once(parts: Parts, meter: PrometheusMeter) -> None:
    job = finish(parts, add(parts))
    parts.jobs.replace(job, job)
    assert figure(meter, "tts_jobs_ended_total") == 1


def test_a_voice_is_counted_in_its_own_language(parts: Parts, meter: PrometheusMeter) -> None:
    job = make_job(created_at=parts.clock(), language="de-AT")
    job = replace(job, input=replace(job.input, voice_id="voice-1"))
    parts.jobs.add(job)
    finish(parts, job)
    assert figure(meter, "tts_audio_seconds_total", voice="voice-1", language="de") == 4.0


def test_a_copy_is_a_hit_and_no_speech(parts: Parts, meter: PrometheusMeter) -> None:
    finish(parts, add(parts, cache=True))
    finish(parts, add(parts, cache=True), cached=True)
    finish(parts, add(parts, cache=False))
    assert figure(meter, "tts_result_cache_lookups_total", outcome="miss") == 1
    assert figure(meter, "tts_result_cache_lookups_total", outcome="hit") == 1
    assert figure(meter, "tts_audio_seconds_total") == 8.0


def test_other_ends_tell_why(parts: Parts, meter: PrometheusMeter) -> None:
    running = start(parts, add(parts))
    parts.jobs.replace(running, fail(running, 1, JobFault("out-of-memory", "t", "d"), parts.clock()))
    waiting = add(parts)
    parts.jobs.replace(waiting, request_cancel(waiting, parts.clock()))
    assert figure(meter, "tts_jobs_ended_total", status="failed", fault="out-of-memory") == 1
    assert figure(meter, "tts_jobs_ended_total", status="canceled", fault="none") == 1
    assert figure(meter, "tts_audio_seconds_total") == 0


@pytest.mark.parametrize(("setback", "reason"), [(True, "setback"), (False, "unharmed")])
def test_jobs_that_are_given_back_are_counted(parts: Parts, meter: PrometheusMeter, setback: bool, reason: str) -> None:
    running = start(parts, add(parts))
    parts.jobs.replace(running, release(running, 1, parts.clock(), setback=setback))
    assert figure(meter, "tts_job_retries_total", reason=reason) == 1


def test_a_lease_that_ran_out_is_counted_when_another_takes_the_job(parts: Parts, meter: PrometheusMeter) -> None:
    running = start(parts, add(parts))
    parts.jobs.replace(running, claim(running, "worker-2", parts.clock() + 11.0, 10.0))
    assert figure(meter, "tts_leases_lost_total") == 1


def test_calls_without_an_answer_are_counted_and_fail_as_they_did(meter: PrometheusMeter) -> None:
    memory = memory_parts()
    parts = observed(memory, meter)
    memory.blobs.down = True  # type: ignore[attr-defined] # The fake's switch.
    with pytest.raises(BlobStoreUnavailable):
        parts.blobs.get("outputs/a")
    with pytest.raises(JobNotFound):
        parts.jobs.get("nobody")
    assert figure(meter, "tts_storage_errors_total", part="blobs", error="blob-store-unavailable") == 1
    assert figure(meter, "tts_storage_errors_total") == 1


def test_no_store_is_left_unwatched(meter: PrometheusMeter) -> None:
    memory = memory_parts()
    parts = observed(memory, meter)
    memory.jobs.down = memory.secrets.down = True  # type: ignore[attr-defined] # The fakes' switches.
    for call in (lambda: parts.line.admit(0.0, 1), lambda: parts.secrets.current("anna")):
        with pytest.raises(JobStoreUnavailable):
            call()
    counted = {part: figure(meter, "tts_storage_errors_total", part=part) for part in ("line", "secrets")}
    assert counted == {"line": 1, "secrets": 1}


def test_tries_of_webhooks_are_counted_by_their_outcome(parts: Parts, meter: PrometheusMeter) -> None:
    finish(parts, add(parts, webhook_url="https://hooks.example/a"))
    (held,) = parts.webhooks.take(parts.clock() + 5, 10, hold_seconds=10.0)
    refused = after(held.delivery, Try(parts.clock(), 0.5, None, "url-unreachable"), parts.clock(), 0.0)
    assert parts.webhooks.settle(held, refused)
    (held,) = parts.webhooks.take(parts.clock() + 60, 10, hold_seconds=10.0)
    assert parts.webhooks.settle(held, after(held.delivery, Try(parts.clock(), 0.25, 204), parts.clock(), 0.0))
    outcomes = {
        outcome: figure(meter, "tts_webhook_tries_total", outcome=outcome) for outcome in ("url-unreachable", "2xx")
    }
    assert outcomes == {"url-unreachable": 1, "2xx": 1}
    assert figure(meter, "tts_webhook_duration_seconds_sum") == 0.75
    assert figure(meter, "tts_webhooks_ended_total", state="delivered") == 1


def test_where_nobody_looks_parts_are_what_they_were() -> None:
    parts = memory_parts()
    assert observed(parts, SilentMeter()) is parts
