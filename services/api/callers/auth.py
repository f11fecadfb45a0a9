"""Who is calling, and whether that caller may do what it asks for."""

from collections.abc import Mapping
from typing import Annotated

from fastapi import Request, Security
from fastapi.security import APIKeyHeader, HTTPAuthorizationCredentials, HTTPBearer, SecurityScopes
from fastapi.security.utils import get_authorization_scheme_param
from starlette.requests import HTTPConnection

from services.api.callers.errors import ScopeMissing
from services.api.callers.identity import ANYBODY, Identity
from services.api.callers.metering import count_request
from services.api.state import api_state
from services.shared.scopes import SPEECH, UPLOADS, VOICES, VOICES_READ

_bearer = HTTPBearer(
    auto_error=False,
    bearerFormat="API key, or JWT of the configured identity provider",
    description="An API key, as `Authorization: Bearer KEY`; or an access token (JWT) where the service takes them.",
)
_header = APIKeyHeader(name="X-API-Key", auto_error=False, description="An API key, as `X-API-Key: KEY`.")
_elevenlabs = APIKeyHeader(
    name="xi-api-key", scheme_name="XiApiKey", auto_error=False, description="The same, as ElevenLabs' clients send it."
)


async def identify(connection: HTTPConnection, credential: str | None) -> Identity:
    """Whose request this is; it is counted, once. Raises `Unauthorized`, `RateLimited`, `Unavailable`."""
    known: Identity | None = getattr(connection.state, "identity", None)
    if known is not None:
        return known
    state = api_state(connection)
    identity = await state.authenticator.identify(credential)
    connection.state.identity = identity
    await count_request(connection, state.parts, identity)
    return identity


def identity_of(connection: HTTPConnection) -> Identity:
    """Of a request that was let in."""
    known: Identity = getattr(connection.state, "identity", ANYBODY)
    return known


def require(identity: Identity, *scopes: str) -> None:
    """Raises `ScopeMissing`."""
    for scope in scopes:
        if scope not in identity.scopes:
            raise ScopeMissing(scope, keyless=identity is ANYBODY)


async def authenticate(
    request: Request,
    needed: SecurityScopes,
    bearer: Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)],
    header: Annotated[str | None, Security(_header)],
    elevenlabs: Annotated[str | None, Security(_elevenlabs)],
) -> str:
    """The caller's name: owner of what it creates, and all it may see."""
    identity = await identify(request, bearer.credentials if bearer is not None else header or elevenlabs)
    require(identity, *needed.scopes)
    return identity.owner


def sent_key(headers: Mapping[str, str]) -> str | None:
    """The key in a request's headers, for where dependencies that read them do not reach: WebSockets."""
    scheme, credentials = get_authorization_scheme_param(headers.get("authorization"))
    return credentials if scheme.lower() == "bearer" else headers.get("x-api-key")


#: Who speaks and has jobs; who looks at its voices; who stores and changes them; who sends recordings ahead.
Caller = Annotated[str, Security(authenticate, scopes=[SPEECH])]
VoiceReader = Annotated[str, Security(authenticate, scopes=[VOICES_READ])]
VoiceKeeper = Annotated[str, Security(authenticate, scopes=[VOICES])]
Uploader = Annotated[str, Security(authenticate, scopes=[UPLOADS])]
