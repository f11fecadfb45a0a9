"""Jobs that nobody works on, found and moved on."""

import io
from dataclasses import replace

import pytest

from services.shared.errors import JobQueueUnavailable, JobStoreUnavailable
from services.shared.job import JobStatus, claim, output_key, release, request_cancel
from services.shared.lane import Lane
from services.shared.line import Repaired
from services.shared.priority import Priority
from services.shared.testing.line import MemoryJobLine
from services.worker.sweeper import Sweeper

LEASE = 10.0


@pytest.fixture
def sweep(bench):
    return lambda: dict(Sweeper(bench.parts).sweep())


def _processing(bench, **overrides):
    job = bench.submit(**overrides)
    return bench.jobs.replace(job, claim(job, "worker-a", bench.clock(), LEASE))


# --- leases -------------------------------------------------------------------------------------


def test_a_live_lease_is_left_alone(bench, sweep):
    job = _processing(bench)
    bench.clock.advance(LEASE - 0.1)
    assert sweep() == {}
    assert bench.jobs.get(job.id).status is JobStatus.PROCESSING


def test_a_lapsed_lease_is_released_and_sent_at_once(bench, sweep):
    job = _processing(bench)
    bench.clock.advance(LEASE + 0.1)
    assert sweep() == {"recovered": 1, "enqueued": 1}
    recovered = bench.jobs.get(job.id)
    assert (recovered.status, recovered.setbacks, recovered.worker) == (JobStatus.QUEUED, 1, None)
    assert recovered.enqueued_at == bench.clock()
    assert bench.queue.sent == [job.id]


def test_a_job_that_outlived_all_its_workers_fails_and_leaves_nothing(bench, sweep):
    job = _processing(bench, setbacks=4)
    bench.blobs.put(output_key(job.id, 1, "wav"), io.BytesIO(b"half done"), 9, "audio/wav")
    bench.clock.advance(LEASE + 0.1)
    assert sweep() == {"failed": 1}
    assert bench.jobs.get(job.id).fault.type == "worker-crashed"
    assert bench.blobs.blobs == {}
    assert bench.queue.sent == []


def test_a_canceled_job_whose_worker_died_ends_canceled(bench, sweep):
    job = _processing(bench)
    bench.jobs.replace(job, request_cancel(job, bench.clock()))
    bench.clock.advance(LEASE + 0.1)
    assert sweep() == {"canceled": 1}
    assert bench.jobs.get(job.id).status is JobStatus.CANCELED
    assert bench.blobs.blobs == {}


def test_a_worker_that_wakes_up_before_the_sweeps_write_keeps_its_job(bench, sweep):
    job = _processing(bench)
    bench.clock.advance(LEASE + 0.1)
    bench.jobs.before_replace = lambda: bench.touch(job.id)
    assert sweep() == {}
    assert bench.jobs.get(job.id).status is JobStatus.PROCESSING


# --- messages -----------------------------------------------------------------------------------


def test_a_job_written_but_never_sent_is_sent_once(bench, sweep):
    job = bench.submit(sent=False)
    bench.clock.advance(1.5)
    assert sweep() == {"enqueued": 1}
    assert sweep() == {}
    assert bench.queue.sent == [job.id]


def test_a_resting_job_is_sent_when_its_rest_is_over(bench, sweep):
    job = _processing(bench)
    bench.jobs.replace(job, release(job, 1, bench.clock() + 8.0))
    bench.clock.advance(7.9)
    assert sweep() == {}
    bench.clock.advance(0.2)
    assert sweep() == {"enqueued": 1}


def test_a_message_lost_with_an_empty_queue_is_sent_again(bench, sweep):
    job = bench.submit()
    bench.clock.advance(bench.settings.resend_seconds - 0.1)
    assert sweep() == {}
    bench.clock.advance(0.2)
    assert sweep() == {"resent": 1}
    assert sweep() == {}
    assert bench.queue.sent == [job.id]


def test_jobs_that_merely_wait_their_turn_are_not_sent_again(bench, sweep):
    bench.submit()
    bench.queue.send("somebody-else")
    bench.clock.advance(600.0)
    assert sweep() == {}


def test_a_job_that_later_ones_overtook_has_lost_its_message(bench, sweep):
    lost = bench.submit()
    bench.clock.advance(6.0)
    _processing(bench)
    waiting = bench.submit()
    bench.queue.send(waiting.id)
    assert sweep() == {"resent": 1}
    assert bench.queue.sent == [waiting.id, lost.id]


def test_a_job_that_waited_too_long_expires_with_its_reference(bench, sweep):
    job = bench.submit()
    bench.clock.advance(bench.settings.queue_ttl_seconds + 1)
    assert sweep() == {"expired": 1}
    assert bench.jobs.get(job.id).status is JobStatus.EXPIRED
    assert bench.blobs.blobs == {}


def test_a_job_claimed_during_the_sweep_is_sent_for_nothing_and_stays_claimed(bench, sweep):
    job = bench.submit()
    bench.clock.advance(6.0)
    bench.jobs.before_replace = lambda: bench.jobs.replace(job, claim(job, "worker-b", bench.clock(), LEASE))
    sweep()
    assert bench.jobs.get(job.id).worker == "worker-b"
    assert bench.runner().run(bench.queue.take()) is None


# --- jobs that stand nowhere --------------------------------------------------------------------


class WalkedLine(MemoryJobLine):
    """Of three pieces, with a job that stood nowhere in the last."""

    def __init__(self, jobs):
        super().__init__(jobs)
        self.pieces = []

    def repair(self, now, start, limit):
        self.pieces.append((start, start + limit))
        return Repaired(0, start + limit) if len(self.pieces) % 3 else Repaired(1, 0)


def test_all_that_wait_are_walked_through_a_piece_a_sweep(bench):
    line = WalkedLine(bench.jobs)
    sweeper = Sweeper(replace(bench.parts, line=line))
    assert [dict(sweeper.sweep()) for _ in range(4)] == [{}, {}, {"repaired": 1}, {}]
    ends = [end for _, end in line.pieces]
    assert [start for start, _ in line.pieces] == [0, ends[0], ends[1], 0]


# --- turns and deadlines ------------------------------------------------------------------------


def test_no_more_are_sent_than_may_wait_for_a_worker(bench, sweep):
    jobs = [bench.submit(sent=False) for _ in range(6)]
    assert sweep() == {"enqueued": bench.settings.queue_lead}
    assert sweep() == {}
    bench.runner().run(bench.queue.take())
    assert len(set(bench.queue.sent)) == 5
    assert set(bench.queue.sent) < {job.id for job in jobs}


def test_a_message_that_its_sender_died_before_is_sent(bench, sweep):
    job = bench.submit(sent=False)
    assert [one.job_id for one in bench.parts.line.admit(bench.clock(), 4)] == [job.id]
    bench.clock.advance(bench.settings.resend_seconds + 0.1)
    assert sweep() == {"resent": 1}
    assert bench.queue.sent == [job.id]


def test_bulk_that_urgent_jobs_overtake_has_not_lost_its_message(bench, sweep):
    waiting = bench.submit(priority=Priority.BULK)
    bench.queue.send(waiting.id, Lane(Priority.BULK))
    bench.clock.advance(60.0)
    _processing(bench, priority=Priority.INTERACTIVE)
    assert sweep() == {}


def test_each_models_messages_are_missed_on_their_own(bench, sweep):
    waiting, lost = bench.submit(model="busy"), bench.submit(model="idle")
    bench.queue.send(waiting.id, waiting.lane)
    bench.clock.advance(bench.settings.resend_seconds + 0.1)
    assert sweep() == {"resent": 1}
    assert bench.queue.waiting == [(waiting.id, waiting.lane), (lost.id, lost.lane)]


@pytest.mark.parametrize("sent", [True, False])
def test_a_job_past_its_deadline_expires_with_its_reference(bench, sweep, sent):
    job = bench.submit(deadline_at=bench.clock() + 1.0, sent=sent)
    assert sweep().get("expired") is None
    bench.clock.advance(1.0)
    assert sweep() == {"expired": 1}
    assert bench.jobs.get(job.id).status is JobStatus.EXPIRED
    assert bench.blobs.blobs == {}


def test_a_job_whose_worker_died_is_not_begun_again_past_its_deadline(bench, sweep):
    job = _processing(bench, deadline_at=bench.clock() + LEASE)
    bench.clock.advance(LEASE + 0.1)
    assert sweep() == {"expired": 1}
    assert bench.jobs.get(job.id).status is JobStatus.EXPIRED
    assert bench.queue.sent == []


# --- parts that do not answer -------------------------------------------------------------------


def test_a_sweep_without_a_queue_says_so_and_the_next_one_goes_on(bench, sweep):
    job = _processing(bench)
    bench.clock.advance(LEASE + 0.1)
    bench.queue.down = True
    with pytest.raises(JobQueueUnavailable):
        sweep()
    assert bench.jobs.get(job.id).enqueued_at is None
    bench.queue.down = False
    bench.clock.advance(1.0)
    assert sweep() == {"enqueued": 1}
    assert bench.queue.sent == [job.id]


def test_a_sweep_without_a_job_store_says_so(bench, sweep):
    bench.jobs.down = True
    with pytest.raises(JobStoreUnavailable):
        sweep()


def test_an_object_store_that_is_away_does_not_hold_the_sweep_up(bench, sweep):
    job = bench.submit()
    bench.clock.advance(bench.settings.queue_ttl_seconds + 1)
    bench.blobs.down = True
    assert sweep() == {"expired": 1}
    assert bench.jobs.get(job.id).status is JobStatus.EXPIRED
