"""`IdempotencyKeys` in memory."""

import threading

from services.shared.errors import JobStoreUnavailable
from services.shared.ports import Clock, KeptKey


class MemoryIdempotencyKeys:
    """`IdempotencyKeys` in a dict, with lifetimes by the injected clock."""

    def __init__(self, clock: Clock) -> None:
        self.down = False
        self._clock = clock
        self._kept: dict[tuple[str, str], tuple[KeptKey, float]] = {}
        self._lock = threading.Lock()

    def reserve(self, owner: str, key: str, reservation: KeptKey, ttl_seconds: float) -> KeptKey | None:
        with self._lock:
            taken = self._alive().get((owner, key))
            if taken is None:
                self._kept[owner, key] = (reservation, self._clock() + ttl_seconds)
        return None if taken == reservation else taken

    def keep(self, owner: str, key: str, kept: KeptKey, ttl_seconds: float) -> None:
        with self._lock:
            self._alive()
            self._kept[owner, key] = (kept, self._clock() + ttl_seconds)

    def free(self, owner: str, key: str, reservation: KeptKey) -> None:
        with self._lock:
            if self._alive().get((owner, key)) == reservation:
                del self._kept[owner, key]

    def _alive(self) -> dict[tuple[str, str], KeptKey]:
        if self.down:
            raise JobStoreUnavailable("The job store does not answer.")
        now = self._clock()
        self._kept = {name: (kept, gone_at) for name, (kept, gone_at) in self._kept.items() if gone_at > now}
        return {name: kept for name, (kept, _) in self._kept.items()}
