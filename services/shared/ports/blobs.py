"""What lies in the object store."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import BinaryIO, Protocol

from services.shared.ports.basics import Sink


@dataclass(frozen=True)
class StoredBlob:
    key: str
    #: Seconds since the epoch, by the object store's clock.
    stored_at: float


@dataclass(frozen=True)
class UploadOffer:
    """A form that stores one blob: its `fields` first, then the file as `file`, posted to `url`."""

    url: str
    fields: Mapping[str, str] = field(repr=False)


class BlobStore(Protocol):
    """Audio by key."""

    def put(self, key: str, data: BinaryIO, length: int, content_type: str) -> None:
        """Store the next `length` bytes of `data`. Raises `ValueError` where it ends earlier; nothing is stored."""
        ...

    def get(self, key: str) -> bytes:
        """Whole: references are bounded in size. Raises `BlobNotFound`."""
        ...

    def read(self, key: str, sink: Sink, *, max_bytes: int) -> None:
        """Give `sink` the blob piece by piece. Raises `BlobNotFound`, `ContentTooLarge`."""
        ...

    def stream(self, key: str) -> Iterator[bytes]:
        """Piece by piece, to be gone through to its end. Raises `BlobNotFound` at once."""
        ...

    def copy(self, source: str, target: str) -> None:
        """Within the store, content type and all. Raises `BlobNotFound`."""
        ...

    def delete(self, key: str) -> None:
        """No error where there is none."""
        ...

    def delete_prefix(self, prefix: str) -> None: ...

    def page(self, prefix: str, *, limit: int, after: str | None = None) -> Sequence[StoredBlob]:
        """What lies under `prefix`, in the order of keys, from behind `after` on. Fewer than `limit`: that is all."""
        ...

    def set_lifetimes(self, seconds: Mapping[str, float]) -> None:
        """Have the object store by itself delete what lies longer than so many seconds under each of these prefixes.

        A net: stores count whole days, so that it is up to two days late, and never early. Rules that others gave
        the store stay as they are. Raises `LifetimesRefused`.
        """
        ...

    def sign(self, key: str, *, expires_seconds: int, filename: str) -> str:
        """A URL that anybody can fetch the blob with until it expires. No round trip.

        Finished audio may be fetched through a CDN, whose URLs need not expire; nothing else is.
        """
        ...

    def offer(self, key: str, *, max_bytes: int, expires_seconds: int) -> UploadOffer:
        """Lets anybody store a blob of 1 to `max_bytes` bytes under `key`, until it expires."""
        ...

    def ping(self) -> None: ...


class BucketReader(Protocol):
    """What lies in buckets that are not ours, on our object store. May raise `BlobStoreUnavailable`."""

    def fetch(self, bucket: str, key: str, sink: Sink, *, max_bytes: int) -> None:
        """Raises `UrlNotServed` where there is none, or it is not for us; `ContentTooLarge`."""
        ...
