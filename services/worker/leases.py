"""The leases of all attempts that are under way in a process."""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from threading import Lock

from services.worker.lease import Lease


class Leases:
    """Thread-safe. Threads that stay beat for all: a job that had one of its own would wait for that to start."""

    def __init__(self, most: int, patience_seconds: float) -> None:
        """`most` are held at once. No beat is waited for longer than `patience_seconds`."""
        self._patience_seconds = patience_seconds
        self._held: set[Lease] = set()
        #: Those under way.
        self._beats: dict[Lease, Future[None]] = {}
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
        """To be called at every heartbeat, whose beats before may be under way still.

        Raises what a beat raises, once all were tried: the next time, where it was not waited for.
        """
        with self._lock:
            for lease in self._held - self._beats.keys():
                self._beats[lease] = self._threads.submit(lease.beat)
        done = wait(self._beats.values(), self._patience_seconds).done
        self._beats = {lease: beat for lease, beat in self._beats.items() if beat not in done}
        for beat in done:
            beat.result()
