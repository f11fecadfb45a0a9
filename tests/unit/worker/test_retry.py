"""Patience with parts that do not answer."""

import pytest

from services.shared.errors import BlobNotFound, BlobStoreUnavailable
from services.shared.testing import ManualClock
from services.worker.lease import Stopping
from services.worker.retry import backoff_seconds, patiently


class Part:
    """Does not answer the first `silences` times."""

    def __init__(self, silences, error=BlobStoreUnavailable):
        self.calls = 0
        self._silences = silences
        self._error = error

    def __call__(self):
        self.calls += 1
        if self.calls <= self._silences:
            raise self._error("The object store does not answer.")
        return "answer"


def test_it_asks_until_there_is_an_answer():
    clock, part = ManualClock(), Part(silences=4)
    assert patiently(part, seconds=60.0, clock=clock, sleep=clock.advance) == "answer"
    assert part.calls == 5


def test_the_waits_grow_but_stay_short():
    clock, waits = ManualClock(), []
    patiently(Part(silences=9), seconds=60.0, clock=clock, sleep=lambda s: (waits.append(s), clock.advance(s)))
    assert waits[0] < 0.25
    assert 1.0 <= max(waits) <= 1.2


def test_patience_ends():
    clock, part = ManualClock(), Part(silences=10_000)
    started = clock()
    with pytest.raises(BlobStoreUnavailable):
        patiently(part, seconds=30.0, clock=clock, sleep=clock.advance)
    assert 30.0 <= clock() - started <= 32.0


def test_no_patience_is_one_try():
    clock, part = ManualClock(), Part(silences=10_000)
    with pytest.raises(BlobStoreUnavailable):
        patiently(part, seconds=0.0, clock=clock, sleep=clock.advance)
    assert part.calls == 1


def test_what_is_no_outage_is_not_asked_again():
    clock, part = ManualClock(), Part(silences=1, error=BlobNotFound)
    with pytest.raises(BlobNotFound):
        patiently(part, seconds=60.0, clock=clock, sleep=clock.advance)
    assert part.calls == 1


def test_a_check_between_tries_ends_them():
    clock, part = ManualClock(), Part(silences=10_000)

    def check():
        if part.calls == 3:
            raise Stopping

    with pytest.raises(Stopping):
        patiently(part, seconds=60.0, clock=clock, sleep=clock.advance, check=check)
    assert part.calls == 3


def test_rests_double_up_to_a_minute():
    assert [backoff_seconds(setbacks) for setbacks in range(1, 8)] == [2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0]
