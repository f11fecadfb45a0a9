"""The leases of all attempts that are under way in a process."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from threading import Lock

from services.worker.lease import Lease


class Leases:
    """Thread-safe. Threads that stay beat for all: a job that had one of its own would wait for that to start."""

    def __init__(self, most: int) -> None:
        """`most` are held at once."""
        self._held: set[Lease] = set()
        self._lock = Lock()
        #: One for each: where a connection hangs, the others' leases would run out while one waits for it.
        self._threads = ThreadPoolExecutor(most, "lease")

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
        """To be called at every heartbeat. Raises what a beat raises, once all were tried."""
        with self._lock:
            beats = [self._threads.submit(lease.beat) for lease in self._held]
        for beat in wait(beats).done:
            beat.result()
