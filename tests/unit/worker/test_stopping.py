"""The light that tells running jobs how much time they have."""

from services.shared.testing import ManualClock
from services.worker.stopping import StopLight


def test_green_until_told_then_red_when_the_grace_is_over():
    clock = ManualClock()
    light = StopLight(20.0, clock)
    clock.advance(1_000.0)
    assert not light.is_red()
    light.stop()
    clock.advance(19.9)
    assert not light.is_red()
    clock.advance(0.1)
    assert light.is_red()


def test_asked_twice_it_turns_red_at_once():
    light = StopLight(20.0, ManualClock())
    light.stop()
    light.stop()
    assert light.is_red()


def test_without_grace_once_is_enough():
    light = StopLight(0.0, ManualClock())
    light.stop()
    assert light.is_red()
