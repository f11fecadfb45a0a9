"""Whom a credential belongs to: a key of the settings, a key of the store, or a provider's token."""

import hmac
from typing import TYPE_CHECKING, Final

import anyio
import anyio.to_thread
from anyio import CapacityLimiter

from services.api.callers.errors import Unauthorized
from services.api.callers.identity import ANYBODY, Identity
from services.api.callers.key_cache import KeyCache
from services.shared.api_key import ApiKey, digest, stored_id
from services.shared.errors import KeyNotFound, Unavailable
from services.shared.parts import Parts
from services.shared.scopes import USUAL

if TYPE_CHECKING:
    from services.api.callers.tokens import TokenVerifier

_ACCEPTED: Final = "Authorization: Bearer KEY, or X-API-Key: KEY"
#: Tokens checked at once. A provider that is slow to send its keys holds up no more threads than these.
_TOKEN_SLOTS: Final = 4


class Authenticator:
    """Of one event loop."""

    def __init__(self, parts: Parts, recheck_seconds: float) -> None:
        """So often it is looked whether the key of who stays is good still."""
        self._settings = parts.settings
        self._clock = parts.clock
        self._tokens = _verifier(parts)
        self._recheck_seconds = recheck_seconds
        self._token_slots = CapacityLimiter(_TOKEN_SLOTS)
        self.cache = KeyCache(parts.keys, parts.clock, parts.settings.key_cache_seconds)

    @property
    def asks_who(self) -> bool:
        """Whether a caller must send a credential."""
        return self._settings.asks_who

    async def identify(self, credential: str | None) -> Identity:
        """Raises `Unauthorized`; `Unavailable` where whoever knows does not answer."""
        if not self.asks_who:
            return ANYBODY
        if not credential:
            raise Unauthorized("No API key was sent.", accepted=_ACCEPTED)
        if owner := self._owner_by_settings(credential):
            return Identity.of_tenant(owner, USUAL, self._settings)
        if key_id := stored_id(credential):
            return Identity.of_key(await self._stored(key_id, credential), self._settings)
        if self._tokens is not None and _looks_like_token(credential):
            return await anyio.to_thread.run_sync(self._tokens.verify, credential, limiter=self._token_slots)
        raise _unknown()

    async def until_revoked(self, identity: Identity) -> None:
        """Until the key that let a caller in lets nobody in any more. Whoever came without one of the store stays."""
        if not identity.key_id:
            await anyio.sleep_forever()
        while True:
            await anyio.sleep(self._recheck_seconds)
            if not await self._is_good(identity.key_id):
                return

    async def _is_good(self, key_id: str) -> bool:
        """Whether a key that was is so still. Where that cannot be asked, it is."""
        try:
            return not self._has_expired(await self.cache.get(key_id))
        except KeyNotFound:
            return False
        except Unavailable:
            return True

    def _owner_by_settings(self, credential: str) -> str | None:
        """Takes as long for any key, known or not."""
        given = digest(credential)
        # A list, not a generator: the search must not end early at a match.
        owners = [name for name, known in self._settings.api_keys.items() if hmac.compare_digest(given, known)]
        return owners[0] if owners else None

    async def _stored(self, key_id: str, credential: str) -> ApiKey:
        try:
            key = await self.cache.get(key_id)
        except KeyNotFound:
            raise _unknown() from None
        if not hmac.compare_digest(digest(credential), key.digest):
            raise _unknown()
        if self._has_expired(key):
            raise Unauthorized("The API key has expired.", accepted=_ACCEPTED)
        return key

    def _has_expired(self, key: ApiKey) -> bool:
        return key.expires_at is not None and key.expires_at <= self._clock()


def _verifier(parts: Parts) -> "TokenVerifier | None":
    """None where the settings name no provider: what checks signatures takes 10 MB that others need not spend."""
    if not parts.settings.jwt_jwks_url:
        return None
    from services.api.callers.tokens import ProviderKeys, TokenVerifier  # noqa: PLC0415

    return TokenVerifier(parts.settings, ProviderKeys(str(parts.settings.jwt_jwks_url), parts.clock))


def _looks_like_token(credential: str) -> bool:
    return credential.count(".") == 2


def _unknown() -> Unauthorized:
    return Unauthorized("The API key is not known.", accepted=_ACCEPTED)
