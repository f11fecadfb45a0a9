"""Where a job's time went."""

from collections.abc import Iterator
from contextlib import contextmanager

from services.shared.ports import Clock


class Stopwatch:
    """Seconds by stage, in the order they were spent."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._started = clock()
        self.seconds: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        started = self._clock()
        try:
            yield
        finally:
            self.seconds[name] = self._clock() - started

    def total(self) -> float:
        return self._clock() - self._started
