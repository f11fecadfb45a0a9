"""The leases of all attempts that are under way in a process."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

from services.worker.lease import Lease


class Leases:
    """Thread-safe. One thread beats for all: a job that had one of its own would wait for that to start."""

    def __init__(self) -> None:
        self._held: set[Lease] = set()
        self._lock = Lock()

    @contextmanager
    def keep(self, lease: Lease) -> Iterator[None]:
        """Through phases that report no steps, too."""
        with self._lock:
            self._held.add(lease)
        try:
            yield
        finally:
            with self._lock:
                self._held.discard(lease)

    def beat(self) -> None:
        """To be called at every heartbeat."""
        with self._lock:
            held = tuple(self._held)
        for lease in held:
            lease.beat()
