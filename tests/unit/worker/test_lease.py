"""An attempt's hold on its job."""

from threading import Barrier, Event

import pytest

from f5_tts_core.errors import Canceled
from services.shared.errors import LeaseLost
from services.shared.job import JobStatus, claim, request_cancel
from services.shared.servers import wait_until_answers
from services.worker.lease import Lease, Stopping
from services.worker.leases import Leases

PATIENCE = 20.0


@pytest.fixture
def job(bench):
    queued = bench.submit()
    return bench.jobs.replace(queued, claim(queued, "worker-a", bench.clock(), 10.0))


@pytest.fixture
def lease(bench, job):
    return _lease(bench, job)


def _lease(bench, job):
    return Lease(
        bench.jobs,
        job,
        clock=bench.clock,
        lease_seconds=10.0,
        heartbeat_seconds=4.0,
        stopping=lambda: bench.red,
    )


def test_a_beat_extends_the_lease_and_tells_the_progress(bench, job, lease):
    bench.clock.advance(5.0)
    lease.report(0.4)
    assert not lease.interrupted()
    stored = bench.jobs.get(job.id)
    assert (stored.lease_until, stored.progress) == (bench.clock() + 10.0, 0.4)


def test_who_is_at_work_is_kept_and_nobody_else(bench):
    queued = [bench.submit(), bench.submit()]
    first, second = (bench.jobs.replace(job, claim(job, "worker-a", bench.clock(), 10.0)) for job in queued)
    bench.clock.advance(5.0)
    leases = Leases(2, PATIENCE)
    with leases.keep(_lease(bench, first)):
        with leases.keep(_lease(bench, second)):
            pass
        leases.beat()
    assert bench.jobs.get(first.id).lease_until == bench.clock() + 10.0
    assert bench.jobs.get(second.id).lease_until == bench.clock() + 5.0


def test_a_lease_whose_connection_hangs_holds_up_no_other():
    both = Barrier(2, timeout=20)

    class Hanging:
        def beat(self):
            both.wait()

    leases = Leases(2, PATIENCE)
    with leases.keep(Hanging()), leases.keep(Hanging()):
        leases.beat()


def test_a_lease_whose_connection_hangs_is_not_waited_for_and_not_asked_again(bench, job, lease):
    answered, beats = Event(), []

    class Hanging:
        def beat(self):
            beats.append("hanging")
            answered.wait(PATIENCE)
            raise RuntimeError

    leases = Leases(2, patience_seconds=0.0)
    with leases.keep(Hanging()), leases.keep(lease):
        for _ in range(3):
            bench.clock.advance(5.0)
            wait_until_answers(lambda: _beat_and_look(bench, leases, job), retry_on=AssertionError)
        assert beats == ["hanging"]
        answered.set()
        with pytest.raises(RuntimeError):
            wait_until_answers(lambda: _beat_until_told(leases), retry_on=AssertionError)


def _beat_and_look(bench, leases, job):
    leases.beat()
    assert bench.jobs.get(job.id).lease_until == bench.clock() + 10.0


def _beat_until_told(leases):
    leases.beat()
    raise AssertionError


def test_a_beat_that_fails_is_told_once_all_were_tried(bench, job, lease):
    class Broken:
        def beat(self):
            raise RuntimeError

    bench.clock.advance(5.0)
    leases = Leases(3, PATIENCE)
    with leases.keep(Broken()), leases.keep(lease), leases.keep(Broken()), pytest.raises(RuntimeError):
        leases.beat()
    assert bench.jobs.get(job.id).lease_until == bench.clock() + 10.0


def test_a_cancel_request_is_told_by_its_name(bench, job, lease):
    bench.jobs.replace(job, request_cancel(job, bench.clock()))
    with pytest.raises(Canceled):
        lease.check()


def test_a_lost_lease_is_told_by_its_name_and_asked_for_no_more(bench, job, lease):
    bench.clock.advance(11.0)
    bench.jobs.replace(job, claim(job, "worker-b", bench.clock(), 10.0))
    with pytest.raises(LeaseLost):
        lease.check()
    bench.jobs.down = True
    assert lease.interrupted()
    assert bench.jobs.history[-1] is JobStatus.PROCESSING


def test_a_stop_is_told_by_its_name(bench, lease):
    bench.red = True
    with pytest.raises(Stopping):
        lease.check()


def test_a_store_that_is_away_interrupts_nothing_and_is_asked_again_after_a_heartbeat(bench, job, lease):
    bench.jobs.down = True
    assert not lease.interrupted()
    bench.jobs.down = False
    bench.jobs.replace(bench.jobs.get(job.id), request_cancel(bench.jobs.get(job.id), bench.clock()))
    assert not lease.interrupted()
    bench.clock.advance(4.1)
    assert lease.interrupted()


def test_without_a_reason_there_is_nothing_to_explain(lease):
    lease.explain()
    lease.check()
    assert not lease.interrupted()
