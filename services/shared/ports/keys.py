"""API keys, and how often they call."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from services.shared.api_key import ApiKey


@dataclass(frozen=True)
class KeyPage:
    keys: Sequence[ApiKey]
    #: Opaque; None on the last page.
    next_cursor: str | None


class KeyStore(Protocol):
    """Records of API keys, kept until they are removed. May raise `JobStoreUnavailable`."""

    def add(self, key: ApiKey) -> None:
        """The same one again is no conflict; ids are drawn by chance."""
        ...

    def get(self, key_id: str) -> ApiKey:
        """In one round trip. Raises `KeyNotFound`."""
        ...

    def remove(self, key_id: str) -> None:
        """Raises `KeyNotFound`."""
        ...

    def page(self, owner: str | None, *, limit: int, cursor: str | None = None) -> KeyPage:
        """An owner's keys, or those of all, newest first. Raises `ValueError` on a cursor that is not one of ours."""
        ...


@dataclass(frozen=True)
class Window:
    """How a minute's requests stand after one more."""

    allowed: bool
    remaining: int
    #: When the first of those that were counted is a minute old; seconds since the epoch.
    resets_at: float


class RateLimiter(Protocol):
    """Counts requests over a moving minute. May raise `JobStoreUnavailable`."""

    def hit(self, subject: str, per_minute: int) -> Window:
        """Count one more for `subject`, unless there were `per_minute` of them already."""
        ...
