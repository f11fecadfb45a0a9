"""Who is at work in this process: attempts at jobs, and further chunks of long texts beside them."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock


class Places:
    """As many as the engine takes requests at once. Thread-safe.

    An attempt has its own. Whoever could use more gets what is left over, but for the last one: the next job is to
    find a place that it need not wait for.
    """

    def __init__(self, total: int) -> None:
        self._total = total
        self._taken = 0
        self._lock = Lock()

    @contextmanager
    def attempt(self) -> Iterator[None]:
        with self._lock:
            self._taken += 1
        try:
            yield
        finally:
            self.give_back(1)

    def take_spare(self) -> bool:
        """Whether there was one to spare, which is the caller's now."""
        with self._lock:
            spare = self._taken + 1 < self._total
            self._taken += spare
            return spare

    def give_back(self, places: int) -> None:
        with self._lock:
            self._taken -= places
