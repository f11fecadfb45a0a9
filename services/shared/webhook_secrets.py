"""What a tenant's webhooks are signed with: secrets of its own, derived from the operator's, so that none is kept."""

import base64
import hashlib
import hmac
from dataclasses import dataclass
from typing import Final

from services.shared.ports import SecretVersion, SecretVersions
from services.shared.signing import PREFIX, Signer, signing_key

#: For so long after a rotation the secret before it signs too.
OVERLAP_SECONDS: Final = 86_400


@dataclass(frozen=True)
class TenantSecret:
    value: str
    #: When it took the place of another; None for a tenant's first.
    rotated_at: float | None
    #: Until when the one before it signs too; None where it does not, or no more.
    previous_until: float | None


class WebhookSecrets:
    """Thread-safe. Who knows one of a tenant's secrets knows no other one, and nobody else's."""

    def __init__(self, operators: str, versions: SecretVersions) -> None:
        """`operators` as `WEBHOOK_SECRET` holds it. Every method may raise `JobStoreUnavailable`."""
        self._operators = operators
        self._key = signing_key(operators)
        self._versions = versions

    def of(self, owner: str, now: float) -> TenantSecret:
        return self._tell(owner, self._versions.current(owner), now)

    def rotate(self, owner: str, now: float) -> TenantSecret:
        """A new one from now on."""
        return self._tell(owner, self._versions.rotate(owner, now), now)

    def signer(self, owner: str, now: float) -> Signer:
        """With the tenant's secret, the one before it where that was in use lately, and the operator's."""
        version = self._versions.current(owner)
        numbers = [version.number, *([version.number - 1] if _previous_until(version, now) else [])]
        return Signer(*(self._derive(owner, number) for number in numbers), self._operators)

    def _tell(self, owner: str, version: SecretVersion, now: float) -> TenantSecret:
        return TenantSecret(self._derive(owner, version.number), version.since, _previous_until(version, now))

    def _derive(self, owner: str, number: int) -> str:
        key = hmac.digest(self._key, f"{number} {owner}".encode(), hashlib.sha256)
        return PREFIX + base64.b64encode(key).decode()


def _previous_until(version: SecretVersion, now: float) -> float | None:
    if version.since is None or now >= version.since + OVERLAP_SECONDS:
        return None
    return version.since + OVERLAP_SECONDS
