"""An object store in memory."""

import io
import secrets
import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import BinaryIO
from urllib.parse import quote, urlencode

from services.shared import errors
from services.shared.outbound.transfer import transfer
from services.shared.ports import Clock, Sink, StoredBlob, UploadOffer


class MemoryBlobStore:
    """`BlobStore` in a dict; `fetch` plays the server behind signed URLs."""

    def __init__(self, clock: Clock) -> None:
        self.down = False
        #: What lies where: content and content type by key.
        self.blobs: dict[str, tuple[bytes, str]] = {}
        #: Prefixes whose blobs a real store would delete by itself, and after how many seconds; None: it refuses to.
        self.lifetimes: dict[str, float] | None = {}
        #: How many blobs are being streamed: what holds a connection to a real store.
        self.streams = 0
        self._stored_at: dict[str, float] = {}
        self._clock = clock
        self._signed: dict[str, tuple[str, float]] = {}
        #: By signature: the key, the most bytes, and until when.
        self._offered: dict[str, tuple[str, int, float]] = {}
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

    def read(self, key: str, sink: Sink, *, max_bytes: int) -> None:
        transfer([self.get(key)], sink, max_bytes)

    def stream(self, key: str) -> Iterator[bytes]:
        return self._pieces(self.get(key))

    def _pieces(self, content: bytes) -> Iterator[bytes]:
        self.streams += 1
        try:
            yield from (content[start : start + 1_000] for start in range(0, len(content), 1_000))
        finally:
            self.streams -= 1

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

    def offer(self, key: str, *, max_bytes: int, expires_seconds: int) -> UploadOffer:
        self.ping()
        offer = UploadOffer("http://blobs.test/", {"key": key, "signature": secrets.token_hex(8)})
        self._offered[offer.fields["signature"]] = (key, max_bytes, self._clock() + expires_seconds)
        return offer

    def post(self, offer: UploadOffer, content: bytes) -> None:
        """What a client does with an offer. Raises `PermissionError` where it is not, or no longer, allowed to."""
        key, max_bytes, expires_at = self._offered.get(offer.fields["signature"], ("", 0, 0.0))
        if expires_at <= self._clock() or key != offer.fields["key"] or not 1 <= len(content) <= max_bytes:
            raise PermissionError(key)
        self.put(key, io.BytesIO(content), len(content), "application/octet-stream")

    def ping(self) -> None:
        if self.down:
            raise errors.BlobStoreUnavailable("The object store does not answer.")
