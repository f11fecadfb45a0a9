"""How often tenants have changed their webhook secrets."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class SecretVersion:
    #: 0: the first.
    number: int = 0
    #: Seconds since the epoch; None of the first.
    since: float | None = None


class SecretVersions(Protocol):
    """Which of its secrets a tenant is at, kept for good. May raise `JobStoreUnavailable`."""

    def current(self, owner: str) -> SecretVersion: ...

    def rotate(self, owner: str, now: float) -> SecretVersion:
        """The next one, from `now` on."""
        ...
