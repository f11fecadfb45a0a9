"""Workers that say they are ready, in memory."""

import threading
from bisect import insort
from collections.abc import Sequence

from services.shared import errors
from services.shared.ports import Clock, WorkerBeat


class MemoryWorkerRegistry:
    """`WorkerRegistry` in a dict, with lifetimes by the injected clock."""

    def __init__(self, clock: Clock) -> None:
        self.down = False
        self._clock = clock
        self._beats: dict[str, tuple[WorkerBeat, float]] = {}
        self._lock = threading.Lock()

    def announce(self, beat: WorkerBeat, ttl_seconds: float) -> None:
        self._answer()
        with self._lock:
            self._beats[beat.worker] = (beat, self._clock() + ttl_seconds)

    def withdraw(self, worker: str) -> None:
        self._answer()
        with self._lock:
            self._beats.pop(worker, None)

    def ready(self) -> Sequence[WorkerBeat]:
        self._answer()
        found: list[WorkerBeat] = []
        with self._lock:
            for beat, gone_at in self._beats.values():
                if gone_at > self._clock():
                    insort(found, beat, key=lambda one: one.worker)
        return found

    def _answer(self) -> None:
        if self.down:
            raise errors.JobStoreUnavailable("The worker registry does not answer.")
