"""Keys of the store, as they were read a moment ago: a known caller costs no round trip."""

from collections import OrderedDict
from typing import Final

from starlette.concurrency import run_in_threadpool

from services.shared.api_key import ApiKey
from services.shared.ports import Clock, KeyStore

#: Keys remembered; of more, those asked for longest ago are read again.
SIZE: Final = 10_000


class KeyCache:
    """Of one event loop. Unknown keys are asked for anew each time: a key made elsewhere works at once."""

    def __init__(self, store: KeyStore, clock: Clock, seconds: float, *, size: int = SIZE) -> None:
        self._store = store
        self._clock = clock
        self._seconds = seconds
        self._size = size
        self._seen: OrderedDict[str, tuple[ApiKey, float]] = OrderedDict()

    async def get(self, key_id: str) -> ApiKey:
        """Raises `KeyNotFound`, `JobStoreUnavailable`."""
        key, read_at = self._seen.get(key_id, (None, 0.0))
        if key is None or self._clock() - read_at >= self._seconds:
            self.forget(key_id)
            now = self._clock()
            key = await run_in_threadpool(self._store.get, key_id)
            self._seen[key_id] = (key, now)
            if len(self._seen) > self._size:
                self._seen.popitem(last=False)
        self._seen.move_to_end(key_id)
        return key

    def forget(self, key_id: str) -> None:
        self._seen.pop(key_id, None)
