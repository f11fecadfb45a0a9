"""The ports of tenants in memory: their keys, and how often they ask."""

import threading
from collections import defaultdict, deque

from services.shared.api_key import ApiKey
from services.shared.cursor import Cursor
from services.shared.errors import JobStoreUnavailable, KeyNotFound
from services.shared.ports import Clock, KeyPage, Window


class MemoryKeyStore:
    """`KeyStore` in a dict."""

    def __init__(self) -> None:
        self.down = False
        #: How often a key was read: what a cache spares.
        self.reads = 0
        self._keys: dict[str, ApiKey] = {}
        self._lock = threading.Lock()

    def add(self, key: ApiKey) -> None:
        self._answer()
        with self._lock:
            self._keys[key.id] = key

    def get(self, key_id: str) -> ApiKey:
        self._answer()
        self.reads += 1
        with self._lock:
            key = self._keys.get(key_id)
        if key is None:
            raise KeyNotFound(f"There is no key {key_id}.")
        return key

    def remove(self, key_id: str) -> None:
        self.get(key_id)
        with self._lock:
            self._keys.pop(key_id, None)

    def page(self, owner: str | None, *, limit: int, cursor: str | None = None) -> KeyPage:
        self._answer()
        before = Cursor.decode(cursor) if cursor is not None else None
        with self._lock:
            newest_first = sorted(self._keys.values(), key=lambda key: (key.created_at, key.id), reverse=True)
        found = [
            key
            for key in newest_first
            if owner in (None, key.owner)
            and (before is None or (key.created_at, key.id) < (before.created_at, before.id))
        ]
        rest = len(found) > limit
        return KeyPage(found[:limit], Cursor.after(found[limit - 1]).encode() if rest else None)

    def _answer(self) -> None:
        if self.down:
            raise JobStoreUnavailable("The job store does not answer.")


class MemoryRateLimiter:
    """`RateLimiter` in lists of moments, by the injected clock."""

    def __init__(self, clock: Clock) -> None:
        self.down = False
        self._clock = clock
        self._hits: dict[tuple[str, int], deque[float]] = defaultdict(deque)
        self._lock = threading.Lock()

    def hit(self, subject: str, per_minute: int) -> Window:
        if self.down:
            raise JobStoreUnavailable("The job store does not answer.")
        now = self._clock()
        with self._lock:
            hits = self._hits[subject, per_minute]
            while hits and hits[0] <= now - 60:
                hits.popleft()
            allowed = len(hits) < per_minute
            if allowed:
                hits.append(now)
            return Window(allowed, per_minute - len(hits), hits[0] + 60)
