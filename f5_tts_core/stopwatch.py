"""Seconds by stage of one request or job."""

from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter


@dataclass(frozen=True)
class Lap:
    """A stage that was passed, in seconds since the watch was started."""

    stage: str
    started: float
    ended: float


class Stopwatch:
    """Runs from its making, by `clock` in seconds. Stages follow each other, and may come again: each lap ends one."""

    def __init__(self, clock: Callable[[], float] = perf_counter) -> None:
        self._clock = clock
        self._started = self._lapped = clock()
        #: By stage, in the order they were first reached.
        self.seconds: dict[str, float] = {}
        #: In the order they were passed.
        self.laps: list[Lap] = []

    def lap(self, stage: str) -> None:
        """What happened since the last lap was `stage`."""
        now = self._clock()
        self.seconds[stage] = self.seconds.get(stage, 0.0) + now - self._lapped
        self.laps.append(Lap(stage, self._lapped - self._started, now - self._started))
        self._lapped = now

    def total(self) -> float:
        return self._clock() - self._started

    def timings(self, **more: float) -> dict[str, float]:
        """The stages, whatever else was measured, and the total."""
        return {**self.seconds, **more, "total": self.total()}
