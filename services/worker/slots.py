"""Room for work that waits on others, shared fairly among those it waits on."""

import threading
from collections import Counter


class Slots:
    """So many in all, and so many of them for one host. Thread-safe."""

    def __init__(self, total: int, per_host: int) -> None:
        self._total = total
        self._per_host = per_host
        self._taken: Counter[str] = Counter()
        self._lock = threading.Lock()

    def free(self) -> int:
        with self._lock:
            return self._total - self._taken.total()

    def take(self, host: str) -> bool:
        """Whether there was room for one more for this host, which it now has."""
        with self._lock:
            room = self._taken.total() < self._total and self._taken[host] < self._per_host
            if room:
                self._taken[host] += 1
            return room

    def give_back(self, host: str) -> None:
        with self._lock:
            self._taken[host] -= 1
            # Hosts are strangers' to invent: those that have nothing are forgotten.
            self._taken = +self._taken
