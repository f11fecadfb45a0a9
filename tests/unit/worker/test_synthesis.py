"""One job's way through the worker, and every way it can leave it."""

import io
import logging
from dataclasses import replace

import numpy as np
import pytest
from structlog.testing import capture_logs

from f5_tts_core.audio import decode
from f5_tts_core.errors import EngineError, NotFiniteOutput, UnsupportedCharacters
from services.shared.batch import new_batch
from services.shared.errors import JobNotFound
from services.shared.job import JobStatus, claim, output_key, reference_key, release, request_cancel
from services.shared.pace import workload
from services.shared.ports import Pace
from services.shared.testing import make_job
from services.shared.voice import sample_key
from services.worker.sweeper import Sweeper
from tests.unit.worker.conftest import REFERENCE

STEPS = 7


def test_a_job_is_spoken_stored_and_committed(bench):
    job = bench.submit()
    bench.clock.advance(3.0)

    assert bench.runner().run(job.id) is JobStatus.SUCCEEDED

    done = bench.jobs.get(job.id)
    assert done.output is not None
    assert done.output.key == output_key(job.id, 1, "wav")
    assert done.output.sha256 == bench.stored_sha256(done)
    assert done.output.bytes == len(bench.blobs.get(done.output.key))
    assert (done.output.seed, done.output.sample_rate, done.progress) == (7, 24_000, 1.0)
    assert done.output.duration_seconds > 0.5
    assert done.metrics["queue_seconds"] == pytest.approx(3.0)
    assert {"fetch_seconds", "synthesis_seconds", "upload_seconds", "engine_total_seconds", "total_seconds"} <= set(
        done.metrics
    )
    assert "real_time_factor" in done.metrics


def test_metrics_measure_what_each_stage_took(bench):
    job = bench.submit()
    bench.engine.cues = {step: lambda: bench.clock.advance(0.5) for step in range(1, STEPS + 1)}
    bench.runner().run(job.id)
    done = bench.jobs.get(job.id)
    assert done.metrics["synthesis_seconds"] == pytest.approx(3.5)
    assert done.metrics["total_seconds"] == pytest.approx(3.5)
    assert done.metrics["real_time_factor"] == pytest.approx(3.5 / done.output.duration_seconds)


def test_a_finished_job_is_noted_for_the_estimates_and_a_failed_one_is_not(bench):
    failed, job = bench.submit(), bench.submit()
    bench.engine.fault = UnsupportedCharacters("It cannot be spoken.")
    bench.runner().run(failed.id)
    assert bench.pace.pace() is None
    bench.engine.fault = None
    bench.engine.cues = {1: lambda: bench.clock.advance(2.0)}
    bench.runner().run(job.id)
    assert bench.pace.pace() == Pace(pytest.approx(2.0), workload(job.input))


def test_an_estimate_that_cannot_be_noted_costs_no_job(bench):
    job = bench.submit()
    bench.pace.down = True
    assert bench.runner().run(job.id) is JobStatus.SUCCEEDED


def test_the_upload_is_deleted_after_the_job_but_a_stored_voice_stays(bench):
    job = bench.submit()
    bench.runner().run(job.id)
    assert job.input.reference_key not in bench.blobs.blobs

    for _ in range(2):
        spoken = bench.submit(reference_key=sample_key("anna"), voice_id="anna")
        assert bench.runner().run(spoken.id) is JobStatus.SUCCEEDED
        assert sample_key("anna") in bench.blobs.blobs
    # By this hash engines keep what they prepared.
    assert len({request.reference.content_hash for request in bench.engine.requests[1:]}) == 1


def test_a_recording_that_comes_with_job_after_job_is_fetched_once(bench):
    jobs = [bench.submit() for _ in range(2)]
    runner = bench.runner()
    assert runner.run(jobs[0].id) is JobStatus.SUCCEEDED
    bench.blobs.delete(jobs[1].input.reference_key)
    assert runner.run(jobs[1].id) is JobStatus.SUCCEEDED


@pytest.mark.parametrize("end", ["canceled", "expired", "failed", "deleted"])
def test_a_stored_voice_stays_however_a_job_ends(bench, end):
    job = bench.submit(reference_key=sample_key("anna"), voice_id="anna")
    if end == "canceled":
        bench.engine.cues = {2: lambda: _cancel(bench, job.id)}
    elif end == "expired":
        bench.clock.advance(bench.settings.queue_ttl_seconds + 1)
    elif end == "failed":
        bench.engine.fault = UnsupportedCharacters("The model does not know U+1F600.")
    else:
        bench.engine.cues = {2: lambda: bench.jobs.remove(job.id)}
    bench.runner().run(job.id)
    assert list(bench.blobs.blobs) == [sample_key("anna")]


def test_progress_reaches_the_store_at_every_step(bench):
    job = bench.submit()
    seen = []
    bench.engine.cues = {step: lambda: seen.append(bench.jobs.get(job.id).progress) for step in range(1, STEPS + 1)}
    bench.runner().run(job.id)
    assert seen == pytest.approx([step / STEPS for step in range(STEPS)])


def test_the_lease_is_kept_through_a_step_that_takes_long(bench):
    job, runner, kept = bench.submit(), bench.runner(), []

    def linger():
        bench.clock.advance(5.0)
        runner.beat()
        kept.append(bench.jobs.get(job.id).lease_until - bench.clock())

    bench.engine.cues = {3: linger}
    runner.run(job.id)
    assert kept == [10.0]


@pytest.mark.parametrize(
    ("audio_format", "start", "content_type"),
    [
        ("wav", b"RIFF", "audio/wav; codecs=1"),
        ("flac", b"fLaC", "audio/flac"),
        ("mp3", b"ID3", "audio/mpeg"),
        ("opus", b"OggS", "audio/ogg"),
        ("aac", b"\xff\xf1", "audio/aac"),
        ("pcm", b"\0\0", "audio/pcm"),
    ],
)
def test_each_format_is_stored_as_what_it_is(bench, audio_format, start, content_type):
    job = bench.submit(format=audio_format)
    assert bench.runner().run(job.id) is JobStatus.SUCCEEDED
    content, stored_type = bench.blobs.blobs[output_key(job.id, 1, audio_format)]
    assert content.startswith(start)
    assert stored_type == content_type
    assert bench.jobs.get(job.id).output.sha256 == bench.stored_sha256(bench.jobs.get(job.id))


def test_the_audio_is_as_it_was_asked_for_and_the_job_tells_what_came_of_it(bench):
    job = bench.submit(format="mp3", sample_rate=48_000, bitrate=64, loudness=-20.0, trim=True)
    bench.runner().run(job.id)
    output = bench.jobs.get(job.id).output
    heard = decode(bench.blobs.get(output.key))
    assert (output.sample_rate, output.bitrate, heard.source.sample_rate) == (48_000, 64, 48_000)
    assert output.loudness_lufs == pytest.approx(-20.0, abs=0.1)
    assert output.duration_seconds == pytest.approx(heard.seconds, abs=0.001)
    assert output.peak_dbfs == pytest.approx(20 * np.log10(heard.source.peak), abs=0.5)


@pytest.mark.parametrize("audio_format", ["wav", "flac", "mp3", "opus", "aac", "pcm"])
def test_another_attempt_at_the_same_request_writes_the_same_bytes(bench, audio_format):
    jobs = [bench.submit(format=audio_format) for _ in range(2)]
    for job in jobs:
        bench.runner().run(job.id)
    assert len({bench.jobs.get(job.id).output.sha256 for job in jobs}) == 1


def test_a_combination_that_should_not_have_come_this_far_fails_the_job_in_words(bench):
    job = bench.submit(format="opus", sample_rate=44_100)
    bench.runner().run(job.id)
    assert bench.jobs.get(job.id).fault.type == "encoding-unsupported"


# --- deliveries that mean nothing any more ------------------------------------------------------


def test_a_second_delivery_of_a_finished_job_changes_nothing(bench):
    job = bench.submit()
    bench.runner().run(job.id)
    before, revision = dict(bench.blobs.blobs), bench.jobs.get(job.id).revision
    assert bench.runner("worker-b").run(job.id) is None
    assert bench.blobs.blobs == before
    assert bench.jobs.get(job.id).revision == revision


def test_a_delivery_of_an_unknown_job_is_ignored(bench):
    assert bench.runner().run("nobody") is None
    assert bench.engine.requests == []


def test_a_delivery_while_another_worker_holds_the_lease_is_ignored(bench):
    job = bench.submit()
    bench.jobs.replace(job, claim(job, "worker-b", bench.clock(), 10.0))
    assert bench.runner().run(job.id) is None
    assert bench.jobs.get(job.id).worker == "worker-b"


def test_a_claim_lost_to_a_quicker_worker_is_left_to_it(bench):
    job = bench.submit()
    bench.jobs.before_replace = lambda: bench.jobs.replace(job, claim(job, "worker-b", bench.clock(), 10.0))
    assert bench.runner().run(job.id) is None
    assert (bench.jobs.get(job.id).worker, bench.jobs.get(job.id).attempt) == ("worker-b", 1)


def test_a_job_that_merely_changed_before_the_claim_is_read_again_and_run(bench):
    job = bench.submit()
    bench.jobs.before_replace = lambda: bench.touch(job.id)
    assert bench.runner().run(job.id) is JobStatus.SUCCEEDED


def test_a_lapsed_lease_can_be_claimed_and_counts_as_a_setback(bench):
    job = bench.submit()
    bench.jobs.replace(job, claim(job, "dead", bench.clock(), 10.0))
    bench.clock.advance(11.0)
    assert bench.runner().run(job.id) is JobStatus.SUCCEEDED
    done = bench.jobs.get(job.id)
    assert (done.attempt, done.setbacks) == (2, 1)
    assert bench.outputs() == [output_key(job.id, 2, "wav")]


def test_a_job_that_waited_too_long_expires_with_its_reference(bench):
    job = bench.submit()
    bench.clock.advance(bench.settings.queue_ttl_seconds + 1)
    assert bench.runner().run(job.id) is JobStatus.EXPIRED
    assert bench.blobs.blobs == {}
    assert bench.engine.requests == []


def test_a_job_whose_workers_keep_dying_fails_in_the_end(bench):
    job = bench.submit(setbacks=5)
    assert bench.runner().run(job.id) is JobStatus.FAILED
    assert bench.jobs.get(job.id).fault.type == "worker-crashed"
    assert bench.engine.requests == []


# --- cancel -------------------------------------------------------------------------------------


def test_a_cancel_takes_effect_within_two_steps(bench):
    job = bench.submit(nfe_step=32)
    bench.engine.cues = {5: lambda: _cancel(bench, job.id)}
    assert bench.runner().run(job.id) is JobStatus.CANCELED
    assert bench.engine.steps <= 7
    assert bench.blobs.blobs == {}


def test_a_cancel_asked_for_before_the_claim_never_reaches_the_engine(bench):
    job = bench.submit(cancel_requested=True)
    assert bench.runner().run(job.id) is JobStatus.CANCELED
    assert bench.engine.requests == []
    assert bench.blobs.blobs == {}


def test_a_job_canceled_while_it_waited_leaves_no_reference_behind(bench):
    job = bench.submit()
    _cancel(bench, job.id)
    assert bench.runner().run(job.id) is JobStatus.CANCELED
    assert bench.blobs.blobs == {}
    assert bench.engine.requests == []


def test_a_deadline_that_passes_takes_effect_within_two_steps_and_frees_the_engine(bench):
    job, other = bench.submit(nfe_step=32, deadline_at=bench.clock() + 3.0), bench.submit()
    bench.engine.cues = {5: lambda: bench.clock.advance(3.0)}
    assert bench.runner().run(job.id) is JobStatus.EXPIRED
    assert bench.engine.steps <= 7
    assert bench.jobs.get(job.id).fault is None
    assert bench.outputs() == []
    bench.engine.cues = {}
    assert bench.runner().run(other.id) is JobStatus.SUCCEEDED


@pytest.mark.parametrize("begun", [False, True])
def test_a_job_past_its_deadline_never_reaches_the_engine(bench, begun):
    job = bench.submit(deadline_at=bench.clock() + 3.0)
    if begun:
        bench.jobs.replace(job, claim(job, "worker-dead", bench.clock(), 1.0))
    bench.clock.advance(3.0)
    assert bench.runner().run(job.id) is JobStatus.EXPIRED
    assert bench.engine.requests == []
    assert bench.blobs.blobs == {}


def test_the_next_in_line_is_sent_while_a_job_is_worked_on(bench):
    job, following = bench.submit(), bench.submit(sent=False)
    bench.engine.cues = {1: lambda: sent.extend(bench.queue.sent)}
    sent = []
    bench.runner().run(job.id)
    assert sent == [following.id]


def test_a_cancel_just_before_the_commit_is_honoured(bench):
    job = bench.submit()
    put = bench.blobs.put

    def cancel_after_put(*args):
        put(*args)
        _cancel(bench, job.id)

    bench.blobs.put = cancel_after_put
    assert bench.runner().run(job.id) is JobStatus.CANCELED
    assert bench.blobs.blobs == {}
    assert JobStatus.SUCCEEDED not in bench.jobs.history


def test_a_cancel_wins_over_a_retry(bench):
    job = bench.submit()
    bench.engine.fault = EngineError("The device is gone.")
    original = bench.engine.synthesize

    def synthesize(*args, **kwargs):
        _cancel(bench, job.id)
        return original(*args, **kwargs)

    bench.engine.synthesize = synthesize
    assert bench.runner().run(job.id) is JobStatus.CANCELED


# --- lost leases --------------------------------------------------------------------------------


def test_a_lease_lost_at_work_throws_everything_away(bench):
    job = bench.submit()
    bench.engine.cues = {2: lambda: _take_over(bench, job.id)}
    assert bench.runner().run(job.id) is None
    current = bench.jobs.get(job.id)
    assert (current.status, current.worker, current.attempt) == (JobStatus.PROCESSING, "worker-b", 2)
    assert bench.engine.steps <= 4
    assert bench.outputs() == []
    assert job.input.reference_key in bench.blobs.blobs  # The other attempt needs it.


def test_a_lease_lost_after_the_upload_deletes_the_blob_and_commits_nothing(bench):
    job = bench.submit()
    put = bench.blobs.put

    def overtaken_after_put(*args):
        put(*args)
        _take_over(bench, job.id)

    bench.blobs.put = overtaken_after_put
    assert bench.runner().run(job.id) is None
    assert bench.outputs() == []
    assert JobStatus.SUCCEEDED not in bench.jobs.history


def test_a_paused_worker_cannot_spoil_the_winners_audio(bench):
    job = bench.submit()
    rival = type(bench.engine)()

    def paused_past_the_lease():
        bench.clock.advance(60.0)
        assert bench.runner("worker-b", rival).run(job.id) is JobStatus.SUCCEEDED

    bench.engine.cues = {STEPS: paused_past_the_lease}
    assert bench.runner().run(job.id) is None
    done = bench.jobs.get(job.id)
    assert bench.jobs.history.count(JobStatus.SUCCEEDED) == 1
    assert (done.worker, done.attempt) == ("worker-b", 2)
    assert done.output.sha256 == bench.stored_sha256(done)
    assert bench.outputs() == [done.output.key]


def test_a_job_deleted_at_work_leaves_nothing_behind(bench):
    job = bench.submit()
    put = bench.blobs.put

    def deleted_after_put(*args):
        put(*args)
        bench.jobs.remove(job.id)

    bench.blobs.put = deleted_after_put
    assert bench.runner().run(job.id) is None
    assert bench.outputs() == []
    with pytest.raises(JobNotFound):
        bench.jobs.get(job.id)


# --- parts that do not answer -------------------------------------------------------------------


def test_an_object_store_that_comes_back_is_waited_for(bench):
    job = bench.submit()
    bench.blobs.down = True
    bench.on_sleep = [lambda: None, lambda: None, lambda: setattr(bench.blobs, "down", False)]
    assert bench.runner().run(job.id) is JobStatus.SUCCEEDED
    assert bench.jobs.get(job.id).attempt == 1


def test_an_object_store_that_fails_at_the_upload_is_waited_for(bench):
    job = bench.submit()
    bench.engine.cues = {STEPS: lambda: setattr(bench.blobs, "down", True)}
    bench.on_sleep = [lambda: None, lambda: setattr(bench.blobs, "down", False)]
    assert bench.runner().run(job.id) is JobStatus.SUCCEEDED
    done = bench.jobs.get(job.id)
    assert done.output.sha256 == bench.stored_sha256(done)


def test_an_object_store_that_stays_away_gives_the_job_back_with_growing_rests(bench):
    job = bench.submit()
    bench.blobs.down = True
    rests = []
    for _ in range(4):
        assert bench.runner().run(job.id) is JobStatus.QUEUED
        released = bench.jobs.get(job.id)
        rests.append(released.not_before - bench.clock())
        bench.clock.now = released.not_before
    assert rests == pytest.approx([2.0, 4.0, 8.0, 16.0], abs=1e-3)
    assert bench.runner().run(job.id) is JobStatus.FAILED
    assert bench.jobs.get(job.id).fault.type == "blob-store-unavailable"


def test_a_cancel_ends_the_waiting_for_the_object_store(bench):
    job = bench.submit()
    bench.configure(storage_retry_seconds=3_600.0)
    bench.blobs.down = True
    bench.on_sleep = [lambda: _cancel(bench, job.id)]
    assert bench.runner().run(job.id) is JobStatus.CANCELED
    assert bench.clock() - job.created_at < 2.0


def test_work_goes_on_while_the_job_store_is_away(bench):
    job = bench.submit()
    bench.engine.cues = {
        2: lambda: setattr(bench.jobs, "down", True),
        STEPS: lambda: setattr(bench.jobs, "down", False),
    }
    assert bench.runner().run(job.id) is JobStatus.SUCCEEDED
    assert bench.engine.steps == STEPS


def test_a_silent_job_store_is_not_asked_at_every_step(bench):
    job = bench.submit(nfe_step=32)
    asked = []
    beat = bench.jobs.beat
    bench.jobs.beat = lambda *args, **kwargs: (asked.append(bench.jobs.down), beat(*args, **kwargs))[1]
    bench.engine.cues = {
        1: lambda: setattr(bench.jobs, "down", True),
        32: lambda: setattr(bench.jobs, "down", False),
    }
    bench.runner().run(job.id)
    assert asked.count(True) == 1


def test_a_commit_whose_answer_was_lost_is_found_done(bench):
    job = bench.submit()
    bench.engine.cues = {STEPS: lambda: setattr(bench.jobs, "replies_to_lose", 1)}
    bench.on_sleep = [lambda: setattr(bench.jobs, "down", False)]
    assert bench.runner().run(job.id) is JobStatus.SUCCEEDED
    done = bench.jobs.get(job.id)
    assert done.output.sha256 == bench.stored_sha256(done)
    assert bench.jobs.history.count(JobStatus.SUCCEEDED) == 1


def test_a_commit_that_may_have_happened_keeps_its_audio(bench):
    job = bench.submit()
    bench.engine.cues = {STEPS: lambda: setattr(bench.jobs, "replies_to_lose", 1)}
    assert bench.runner().run(job.id) is None  # The store never came back in time.
    bench.jobs.down = False
    done = bench.jobs.get(job.id)
    assert done.status is JobStatus.SUCCEEDED
    assert done.output.sha256 == bench.stored_sha256(done)


def test_a_commit_found_done_only_while_settling_keeps_its_audio(bench):
    job = bench.submit()
    bench.configure(storage_retry_seconds=0.0)
    bench.engine.cues = {STEPS: lambda: setattr(bench.jobs, "replies_to_lose", 1)}
    bench.on_sleep = [lambda: setattr(bench.jobs, "down", False)]
    bench.runner().run(job.id)
    done = bench.jobs.get(job.id)
    assert done.status is JobStatus.SUCCEEDED
    assert done.output.sha256 == bench.stored_sha256(done)


def test_a_claim_without_an_answer_leaves_the_job_to_the_sweeper(bench):
    job = bench.submit()
    bench.jobs.down = True
    assert bench.runner().run(job.id) is None
    bench.jobs.down = False
    assert bench.jobs.get(job.id).status is JobStatus.QUEUED


# --- faults -------------------------------------------------------------------------------------


def test_a_reference_that_is_gone_fails_the_job_at_once(bench):
    job = bench.submit(reference=None)
    assert bench.runner().run(job.id) is JobStatus.FAILED
    fault = bench.jobs.get(job.id).fault
    assert fault.type == "blob-not-found"
    assert job.input.reference_key not in fault.detail


def test_a_voice_that_was_deleted_fails_the_jobs_that_waited_for_it(bench):
    job = bench.submit(reference=None, reference_key=sample_key("anna"), voice_id="anna")
    assert bench.runner().run(job.id) is JobStatus.FAILED
    fault = bench.jobs.get(job.id).fault
    assert (fault.type, fault.title) == ("voice-not-found", "The voice was deleted")
    assert bench.engine.requests == []


def test_a_deleted_voice_is_not_spoken_in_because_a_worker_remembers_it(bench):
    jobs = [bench.submit(reference_key=sample_key("anna"), voice_id="anna") for _ in range(2)]
    runner = bench.runner()
    assert runner.run(jobs[0].id) is JobStatus.SUCCEEDED
    bench.blobs.delete(sample_key("anna"))
    assert runner.run(jobs[1].id) is JobStatus.FAILED
    assert bench.jobs.get(jobs[1].id).fault.title == "The voice was deleted"


def test_unusable_audio_fails_the_job_with_its_own_type(bench):
    job = bench.submit(reference=b"not audio")
    assert bench.runner().run(job.id) is JobStatus.FAILED
    assert bench.jobs.get(job.id).fault.type == "audio-undecodable"


def test_unusable_text_fails_the_job_with_its_own_words(bench):
    job = bench.submit()
    bench.engine.fault = UnsupportedCharacters("The model does not know U+1F600.")
    assert bench.runner().run(job.id) is JobStatus.FAILED
    fault = bench.jobs.get(job.id).fault
    assert (fault.type, fault.detail) == ("text-unsupported-characters", "The model does not know U+1F600.")


@pytest.mark.parametrize("fault", [EngineError("The device is gone."), NotFiniteOutput("NaN.")])
def test_an_engine_that_fails_is_tried_twice(bench, fault):
    job = bench.submit()
    bench.engine.fault = fault
    assert bench.runner().run(job.id) is JobStatus.QUEUED
    assert bench.jobs.get(job.id).not_before == pytest.approx(bench.clock() + 2.0)
    assert bench.queue.sent == []  # It rests first; the sweeper sends it.
    assert bench.runner().run(job.id) is JobStatus.FAILED
    assert bench.jobs.get(job.id).fault.type == fault.type


def test_an_engine_that_fails_once_finishes_the_job_the_second_time(bench):
    job = bench.submit()
    bench.engine.fault = EngineError("The device hiccupped.")
    bench.runner().run(job.id)
    bench.engine.fault = None
    assert bench.runner().run(job.id) is JobStatus.SUCCEEDED
    assert bench.jobs.get(job.id).output.key == output_key(job.id, 2, "wav")


def test_a_bug_fails_the_job_without_telling_internals(bench):
    job = bench.submit()
    bench.engine.fault = KeyError("/srv/secret/path")
    with capture_logs() as logs:
        assert bench.runner().run(job.id) is JobStatus.FAILED
    fault = bench.jobs.get(job.id).fault
    assert fault.type == "internal"
    assert "secret" not in fault.title + fault.detail
    assert [entry for entry in logs if entry["event"] == "attempt_failed" and entry.get("exc_info")]


def test_logs_never_hold_the_clients_words(bench, caplog):
    job = bench.submit(text="A most private sentence.", ref_text="A private transcript, in full.")
    with capture_logs() as logs, caplog.at_level(logging.INFO):
        bench.runner().run(job.id)
    assert logs
    assert "private" not in repr(logs) + caplog.text


# --- transcripts --------------------------------------------------------------------------------


def test_a_missing_transcript_is_found_once_for_one_clip(bench):
    runner = bench.runner()
    for _ in range(2):
        job = bench.submit(ref_text=None)
        assert runner.run(job.id) is JobStatus.SUCCEEDED
    assert len(bench.transcriber.heard) == 1
    assert [request.reference.text for request in bench.engine.requests] == [bench.transcriber.text] * 2


def test_a_clip_without_words_fails_the_job(bench):
    bench.transcriber.text = None
    job = bench.submit(ref_text=None)
    assert bench.runner().run(job.id) is JobStatus.FAILED
    assert bench.jobs.get(job.id).fault.type == "transcription-failed"


# --- stopping -----------------------------------------------------------------------------------


def test_a_stopping_worker_gives_its_job_back_at_once(bench):
    job = bench.submit(nfe_step=32)
    bench.engine.cues = {3: lambda: setattr(bench, "red", True)}
    assert bench.runner().run(job.id) is JobStatus.QUEUED
    released = bench.jobs.get(job.id)
    assert bench.engine.steps <= 5
    assert bench.queue.sent == [job.id]
    assert released.enqueued_at == bench.clock()
    assert (released.setbacks, released.not_before <= bench.clock()) == (0, True)


def test_being_given_back_never_uses_up_a_jobs_tries(bench):
    job = bench.submit()
    for _ in range(bench.settings.max_attempts + 3):
        claimed = bench.jobs.replace(job, claim(job, "worker-a", bench.clock(), 10.0))
        job = bench.jobs.replace(claimed, release(claimed, claimed.attempt, bench.clock()))
    assert bench.runner().run(job.id) is JobStatus.SUCCEEDED


def test_a_stopping_worker_takes_nothing_new(bench):
    job = bench.submit()
    bench.red = True
    assert bench.runner().run(job.id) is None
    assert bench.jobs.get(job.id).status is JobStatus.QUEUED


def test_a_released_job_stays_safe_when_the_queue_is_away(bench):
    job = bench.submit()
    bench.queue.down = True
    bench.engine.cues = {1: lambda: setattr(bench, "red", True)}
    assert bench.runner().run(job.id) is JobStatus.QUEUED
    assert bench.jobs.get(job.id).enqueued_at is None  # What the sweeper looks for.


def test_the_key_of_an_uploaded_reference_is_the_jobs_own():
    assert reference_key("a") == "inputs/a/reference"


def _cancel(bench, job_id):
    job = bench.jobs.get(job_id)
    bench.jobs.replace(job, request_cancel(job, bench.clock()))


def _take_over(bench, job_id):
    job = bench.jobs.get(job_id)
    lapsed = replace(job, lease_until=bench.clock())
    bench.jobs.replace(job, claim(lapsed, "worker-b", bench.clock(), 10.0))


def test_a_batchs_recording_stays_until_its_last_job_has_ended(bench):
    batch = new_batch("batch-1", "anonymous", bench.clock(), 3)
    key = reference_key(batch.id)
    jobs = [make_job(created_at=bench.clock(), batch_id=batch.id, reference_key=key) for _ in range(3)]
    bench.blobs.put(key, io.BytesIO(REFERENCE), len(REFERENCE), "audio/wav")
    bench.batches.add(batch, jobs)
    assert bench.runner().run(jobs[0].id) is JobStatus.SUCCEEDED
    bench.engine.fault = UnsupportedCharacters("It cannot be spoken.")
    assert bench.runner().run(jobs[1].id) is JobStatus.FAILED
    assert key in bench.blobs.blobs
    bench.clock.advance(bench.settings.queue_ttl_seconds + 1)
    assert Sweeper(bench.parts).sweep() == {"expired": 1}
    assert key not in bench.blobs.blobs
    assert bench.outputs() == [output_key(jobs[0].id, 1, "wav")]
