"""An object store in memory."""

import threading
from collections.abc import Mapping, Sequence
from typing import BinaryIO
from urllib.parse import quote, urlencode

from services.shared import errors
from services.shared.ports import Clock, StoredBlob


class MemoryBlobStore:
    """`BlobStore` in a dict; `fetch` plays the server behind signed URLs."""

    def __init__(self, clock: Clock) -> None:
        self.down = False
        #: What lies where: content and content type by key.
        self.blobs: dict[str, tuple[bytes, str]] = {}
        #: Prefixes whose blobs a real store would delete by itself, and after how many seconds; None: it refuses to.
        self.lifetimes: dict[str, float] | None = {}
        self._stored_at: dict[str, float] = {}
        self._clock = clock
        self._signed: dict[str, tuple[str, float]] = {}
        self._lock = threading.Lock()

    def put(self, key: str, data: BinaryIO, length: int, content_type: str) -> None:
        self.ping()
        content = data.read(length)
        if len(content) != length:
            raise ValueError(f"The data ended after {len(content)} of {length} bytes.")
        with self._lock:
            self.blobs[key] = (content, content_type)
            self._stored_at[key] = self._clock()

    def get(self, key: str) -> bytes:
        self.ping()
        with self._lock:
            if key not in self.blobs:
                raise errors.BlobNotFound(f"There is no blob {key}.")
            return self.blobs[key][0]

    def copy(self, source: str, target: str) -> None:
        self.get(source)
        with self._lock:
            self.blobs[target] = self.blobs[source]
            self._stored_at[target] = self._clock()

    def delete(self, key: str) -> None:
        self.ping()
        with self._lock:
            self.blobs.pop(key, None)

    def delete_prefix(self, prefix: str) -> None:
        self.ping()
        with self._lock:
            for key in [key for key in self.blobs if key.startswith(prefix)]:
                del self.blobs[key]

    def page(self, prefix: str, *, limit: int, after: str | None = None) -> Sequence[StoredBlob]:
        self.ping()
        with self._lock:
            keys = sorted(key for key in self.blobs if key.startswith(prefix) and key > (after or ""))
            return [StoredBlob(key, self._stored_at.get(key, 0.0)) for key in keys[:limit]]

    def set_lifetimes(self, seconds: Mapping[str, float]) -> None:
        self.ping()
        if self.lifetimes is None:
            raise errors.LifetimesRefused("The object store takes no lifecycle rules.")
        self.lifetimes |= seconds

    def sign(self, key: str, *, expires_seconds: int, filename: str) -> str:
        with self._lock:
            query = urlencode({"filename": filename, "signature": len(self._signed)})
            url = f"http://blobs.test/{quote(key)}?{query}"
            self._signed[url] = (key, self._clock() + expires_seconds)
        return url

    def fetch(self, url: str) -> bytes:
        """What a client gets under a signed URL. Raises `PermissionError` on any other, or an expired one."""
        key, expires_at = self._signed.get(url, ("", 0.0))
        if expires_at <= self._clock():
            raise PermissionError(url)
        return self.get(key)

    def ping(self) -> None:
        if self.down:
            raise errors.BlobStoreUnavailable("The object store does not answer.")
