"""Bearer tokens (JWT) of an OpenID Connect provider, checked against its published keys."""

from typing import Any, Final

import jwt
from jwt import PyJWKClient, PyJWKClientError, PyJWKSetError, PyJWTError

from services.api.callers.errors import IdentityProviderUnavailable, Unauthorized
from services.api.callers.identity import Identity
from services.shared.api_key import is_tenant
from services.shared.ports import Clock
from services.shared.scopes import grant
from services.shared.settings import Settings

#: Signed with a private key: what the provider publishes opens nothing. Never `none`, never a shared secret.
ALGORITHMS: Final = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
#: How far the provider's clock and ours may be apart.
LEEWAY_SECONDS: Final = 30
#: How long the provider's keys are kept, and how long it may take to send them.
_KEYS_SECONDS: Final = 300
_FETCH_SECONDS: Final = 5
#: A provider that did not answer is not asked again for so long: callers wait for it in a few threads.
_REST_SECONDS: Final = 5.0


class ProviderKeys(PyJWKClient):
    """The provider's keys; unknown ids lead to a fetch twice a minute at most."""

    def __init__(self, url: str, clock: Clock) -> None:
        super().__init__(url, lifespan=_KEYS_SECONDS, timeout=_FETCH_SECONDS)
        self._clock = clock
        self._failed_at = float("-inf")

    def fetch_data(self) -> Any:
        """Raises `IdentityProviderUnavailable`."""
        if self._clock() - self._failed_at < _REST_SECONDS:
            raise IdentityProviderUnavailable("The identity provider did not answer a moment ago.")
        try:
            return super().fetch_data()
        except (PyJWKClientError, PyJWKSetError, ValueError, OSError) as error:
            self._failed_at = self._clock()
            raise IdentityProviderUnavailable("The identity provider's keys cannot be fetched.") from error


class TokenVerifier:
    """Blocking, thread-safe."""

    def __init__(self, settings: Settings, keys: PyJWKClient) -> None:
        self._settings = settings
        self._keys = keys

    def verify(self, token: str) -> Identity:
        """Whom the token names. Raises `Unauthorized`, `IdentityProviderUnavailable`."""
        try:
            claims = self._claims(token)
        except PyJWTError as error:
            expired = isinstance(error, jwt.ExpiredSignatureError)
            raise Unauthorized("The token has expired." if expired else "The token is not valid here.") from error
        tenant = claims.get(self._settings.jwt_tenant_claim)
        if not isinstance(tenant, str) or not is_tenant(tenant):
            raise Unauthorized(f"The token's claim `{self._settings.jwt_tenant_claim}` names no tenant.")
        return Identity.of_tenant(tenant, grant(_scopes(claims.get(self._settings.jwt_scope_claim))), self._settings)

    def _claims(self, token: str) -> dict[str, Any]:
        claims: dict[str, Any] = jwt.decode(
            token,
            self._keys.get_signing_key_from_jwt(token),
            algorithms=list(ALGORITHMS),
            audience=self._settings.jwt_audience,
            issuer=self._settings.jwt_issuer,
            leeway=LEEWAY_SECONDS,
            options={"require": ["exp", "iss", "aud"]},
        )
        return claims


def _scopes(claim: object) -> list[str]:
    if isinstance(claim, str):
        return claim.split()
    return [scope for scope in claim if isinstance(scope, str)] if isinstance(claim, list) else []
