"""The index of results in memory, for tests of the services."""

import threading

from services.shared.errors import JobStoreUnavailable
from services.shared.ports import Clock


class MemoryResultIndex:
    """`ResultIndex` in a dict, with lifetimes by the injected clock."""

    def __init__(self, clock: Clock) -> None:
        self.down = False
        self._clock = clock
        self._named: dict[str, tuple[str, float]] = {}
        self._lock = threading.Lock()

    def named(self, digest: str) -> str | None:
        self._answer()
        with self._lock:
            named, gone_at = self._named.get(digest, (None, 0.0))
            return named if gone_at > self._clock() else None

    def take(self, digest: str, job_id: str, *, instead_of: str | None = None, ttl_seconds: int) -> str:
        self._answer()
        with self._lock:
            named, gone_at = self._named.get(digest, (job_id, 0.0))
            if named not in (job_id, instead_of) and gone_at > self._clock():
                return named
            self._named[digest] = (job_id, self._clock() + ttl_seconds)
            return job_id

    def _answer(self) -> None:
        if self.down:
            raise JobStoreUnavailable("The index of results does not answer.")
