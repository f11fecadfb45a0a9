"""The thread beside the work."""

import threading

from structlog.testing import capture_logs

from services.worker.ticker import Ticker


def test_it_ticks_while_the_block_runs_and_never_after():
    ticks = threading.Semaphore(0)
    with Ticker("test", 0.001, ticks.release):
        assert all(ticks.acquire(timeout=5) for _ in range(3))
    while ticks.acquire(blocking=False):
        pass
    assert not ticks.acquire(timeout=0.02)
    assert "test" not in {thread.name for thread in threading.enumerate()}


def test_a_tick_that_fails_is_logged_and_the_next_one_comes():
    calls = threading.Semaphore(0)

    def fail():
        calls.release()
        raise ValueError("no")

    with capture_logs() as logs, Ticker("test", 0.001, fail):
        assert all(calls.acquire(timeout=5) for _ in range(3))
    assert {entry["event"] for entry in logs} == {"tick_failed"}
