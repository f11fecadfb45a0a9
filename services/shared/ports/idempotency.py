"""Requests that may be repeated."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class KeptKey:
    """An idempotency key that was seen before."""

    #: Of the request that came with it.
    fingerprint: str
    #: The job or batch that was made of that request, or is being made. None: an older release is making one.
    job_id: str | None
    #: Whether it is known to be there.
    made: bool = True


class IdempotencyKeys(Protocol):
    """Clients' keys for requests that are to be carried out once. Keys of different owners never meet."""

    def reserve(self, owner: str, key: str, reservation: KeptKey, ttl_seconds: float) -> KeptKey | None:
        """Take the key, and answer None; where it is taken, what it was taken for. One of any number wins.

        The same once more is no conflict, as where the answer was lost: no two have one id. A reservation that is
        neither kept nor freed lapses after `ttl_seconds`: its process died.
        """
        ...

    def keep(self, owner: str, key: str, kept: KeptKey, ttl_seconds: float) -> None:
        """Note what was made."""
        ...

    def free(self, owner: str, key: str, reservation: KeptKey) -> None:
        """Give a reservation back. One that was kept, or is another request's by now, stays."""
        ...
