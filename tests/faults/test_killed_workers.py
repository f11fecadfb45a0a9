"""Workers that die, freeze or are told to go: every job is finished, once."""

import random
import signal
import time

import pytest

from services.shared.chunks import chunk_prefix
from services.shared.job import JobStatus
from services.shared.servers import LOOPBACK
from services.shared.signing import new_secret
from tests.receiver import receiving
from tests.stack import running_stack

pytestmark = pytest.mark.faults

#: Leases short enough for a test, in the proportions of the defaults.
SHORT = {"lease_seconds": 2, "heartbeat_seconds": 0.4, "sweep_seconds": 0.4, "resend_seconds": 1.5}


@pytest.fixture
def stack(tmp_path):
    with running_stack(tmp_path, **SHORT) as stack:
        stack.control()
        yield stack


def test_with_default_settings_a_killed_workers_job_is_done_by_the_next_within_30_seconds(tmp_path):
    with running_stack(tmp_path) as stack:
        stack.control()
        first = stack.worker(step_seconds=0.2)
        job = stack.submit(nfe_step=64)
        stack.until_working(job.id)
        first.kill()
        killed = time.monotonic()
        stack.worker()
        done = stack.until_over(job.id, seconds=30)
        assert time.monotonic() - killed < 30
        assert (done.attempt, done.setbacks) == (2, 1)
        stack.assert_succeeded_once(done)


@pytest.mark.parametrize("seed", range(3))
def test_a_worker_killed_at_a_random_moment_loses_no_job(stack, seed):
    moment = random.Random(seed).uniform(0.0, 0.6)
    doomed = stack.worker(step_seconds=0.03)
    jobs = [stack.submit(nfe_step=10) for _ in range(6)]
    time.sleep(moment)
    doomed.kill()
    stack.worker()
    for job in jobs:
        stack.assert_succeeded_once(stack.until_over(job.id))


def test_workers_killed_again_and_again_lose_no_job(stack):
    chance = random.Random(0)
    workers = [stack.worker(step_seconds=0.02) for _ in range(2)]
    jobs = [stack.submit(nfe_step=10) for _ in range(20)]
    for _ in range(3):
        time.sleep(chance.uniform(0.1, 0.4))
        workers.pop(chance.randrange(2)).kill()
        workers.append(stack.worker(step_seconds=0.02))
    for job in jobs:
        stack.assert_succeeded_once(stack.until_over(job.id))


def test_a_worker_frozen_past_its_lease_commits_nothing_when_it_thaws(stack):
    frozen = stack.worker(step_seconds=0.1)
    job = stack.submit(nfe_step=32)
    stack.until_working(job.id)
    frozen.send(signal.SIGSTOP)
    stack.worker()
    done = stack.until_over(job.id)
    frozen.send(signal.SIGCONT)
    stack.until(lambda: frozen.events("attempt_discarded"))
    assert stack.job(job.id) == done
    assert done.attempt == 2
    stack.assert_succeeded_once(done)
    with pytest.raises(Exception, match="no blob"):
        stack.parts.blobs.get(f"outputs/{job.id}/1.wav")


def test_a_worker_that_thaws_while_another_one_works_leaves_it_alone(stack):
    frozen = stack.worker(step_seconds=0.05)
    job = stack.submit(nfe_step=40)
    stack.until_working(job.id)
    frozen.send(signal.SIGSTOP)
    stack.worker(step_seconds=0.05)
    stack.until(lambda: stack.job(job.id).attempt == 2 and stack.job(job.id).progress > 0)
    frozen.send(signal.SIGCONT)
    stack.until(lambda: frozen.events("attempt_discarded"))
    done = stack.until_over(job.id)
    assert done.attempt == 2
    stack.assert_succeeded_once(done)


def test_a_job_stays_with_its_worker_through_a_step_longer_than_its_lease(stack):
    stack.worker(step_seconds=3.0)
    done = stack.until_over(stack.submit(nfe_step=1).id)
    assert done.attempt == 1
    stack.assert_succeeded_once(done)


def test_a_frozen_worker_is_no_longer_ready(stack):
    frozen = stack.worker()
    frozen.send(signal.SIGSTOP)
    stack.until(lambda: not stack.parts.workers.ready(), seconds=5)
    frozen.send(signal.SIGCONT)
    stack.until(stack.parts.workers.ready, seconds=5)


def test_a_job_that_kills_every_worker_fails_in_the_end(tmp_path):
    with running_stack(tmp_path, **SHORT, max_attempts=2) as stack:
        stack.control()
        job = stack.submit(nfe_step=64)
        for attempt in (1, 2):
            worker = stack.worker(step_seconds=0.1)
            stack.until(lambda attempt=attempt: stack.job(job.id).attempt == attempt and stack.job(job.id).progress > 0)
            worker.kill()
        done = stack.until_over(job.id)
        assert done.status is JobStatus.FAILED
        assert done.fault.type == "worker-crashed"


def test_of_a_long_text_the_next_worker_speaks_only_what_is_missing(stack):
    text = " ".join(
        f"The morning of day {number} was as quiet as the evening of the day before it." for number in range(30)
    )
    doomed = stack.worker(step_seconds=0.02)
    job = stack.submit(long=text, cache=True)
    stack.until(lambda: len(chunks(stack, job.id)) >= 3)
    doomed.kill()
    kept = len(chunks(stack, job.id))
    stack.worker()
    done = stack.until_over(job.id)
    stack.assert_succeeded_once(done)
    assert done.attempt == 2
    assert done.metrics["chunks_reused"] == kept < done.metrics["chunks"]
    # Another job of the same text, spoken in one go.
    untroubled = stack.until_over(stack.submit(long=text).id)
    assert untroubled.metrics["chunks_reused"] == 0
    assert untroubled.output.sha256 == done.output.sha256


def chunks(stack, job_id):
    found = stack.parts.blobs.page(chunk_prefix(job_id), limit=100)
    return [blob.key for blob in found if blob.key.endswith(".flac")]


def test_a_job_whose_sender_died_before_its_message_went_out_is_done(stack):
    """Out of line and not in the queue: what a process leaves that is killed between the two."""
    job = stack.submit(sent=False)
    assert [one.job_id for one in stack.parts.line.admit(time.time(), 4)] == [job.id]
    stack.worker()
    stack.assert_succeeded_once(stack.until_over(job.id))


# --- told to go ---------------------------------------------------------------------------------


def test_a_worker_told_to_stop_finishes_what_it_has(stack):
    worker = stack.worker(step_seconds=0.05)
    job = stack.submit(nfe_step=20)
    stack.until_working(job.id)
    worker.send(signal.SIGTERM)
    assert worker.wait(10) == 0
    done = stack.job(job.id)
    assert done.attempt == 1
    stack.assert_succeeded_once(done)


def test_a_worker_without_time_gives_its_work_back(tmp_path):
    with running_stack(tmp_path, **SHORT, stop_grace_seconds=0.3) as stack:
        worker = stack.worker(step_seconds=0.2)
        job = stack.submit(nfe_step=64)
        stack.until_working(job.id)
        worker.send(signal.SIGTERM)
        assert worker.wait(5) == 0
        released = stack.job(job.id)
        assert (released.status, released.setbacks) == (JobStatus.QUEUED, 0)
        # No control process runs: the next worker gets the message that the first one sent.
        stack.worker()
        done = stack.until_over(job.id, seconds=5)
        assert done.attempt == 2
        stack.assert_succeeded_once(done)


def test_a_second_signal_hurries_a_worker_along(stack):
    worker = stack.worker(step_seconds=0.2)
    job = stack.submit(nfe_step=64)
    stack.until_working(job.id)
    worker.send(signal.SIGTERM)
    time.sleep(0.5)
    assert worker.process.poll() is None
    worker.send(signal.SIGTERM)
    assert worker.wait(5) == 0
    assert stack.job(job.id).status is JobStatus.QUEUED


def test_work_that_was_reserved_by_a_stopped_worker_is_done_by_the_next(stack):
    worker = stack.worker(step_seconds=0.05)
    jobs = [stack.submit(nfe_step=10) for _ in range(12)]
    stack.until_working(jobs[0].id)
    worker.send(signal.SIGTERM)
    assert worker.wait(10) == 0
    stack.worker()
    for job in jobs:
        stack.assert_succeeded_once(stack.until_over(job.id))


# --- the control process ------------------------------------------------------------------------


def test_a_control_process_killed_between_end_and_delivery_leaves_it_to_the_next(tmp_path):
    """Killed in the midst of a delivery: its hold runs out, and the next one makes it again under the same id."""
    quick = {"webhook_secret": new_secret(), "outbound_allowed_hosts": LOOPBACK, "webhook_timeout_seconds": 1}
    with running_stack(tmp_path, **SHORT, **quick) as stack, receiving() as receiver:
        receiver.go.clear()
        control = stack.control()
        stack.worker()
        job = stack.submit(webhook_url=receiver.url)
        stack.until(lambda: receiver.received)
        control.kill()
        receiver.go.set()
        stack.control()
        stack.until(lambda: len(receiver.received) == 2, seconds=90)
        assert len({request.headers["webhook-id"] for request in receiver.received}) == 1
        stack.until(lambda: stack.parts.webhooks.find([job]))
        assert stack.parts.webhooks.find([job])[job.id].attempts == 1
