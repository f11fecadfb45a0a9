"""Who is calling: API keys, known to us as SHA-256 hashes only."""

import hashlib
import hmac
from collections.abc import Mapping
from typing import Annotated

from fastapi import Depends, Request, Security
from fastapi.security import APIKeyHeader, HTTPAuthorizationCredentials, HTTPBearer
from fastapi.security.utils import get_authorization_scheme_param

from services.api.errors import Unauthorized
from services.api.state import api_state

#: The owner of every job while no keys are configured.
ANONYMOUS = "anonymous"

_bearer = HTTPBearer(auto_error=False, description="An API key, as `Authorization: Bearer KEY`.")
_header = APIKeyHeader(name="X-API-Key", auto_error=False, description="An API key, as `X-API-Key: KEY`.")
_elevenlabs = APIKeyHeader(
    name="xi-api-key", scheme_name="XiApiKey", auto_error=False, description="The same, as ElevenLabs' clients send it."
)


def identify(key: str | None, hashes: Mapping[str, str]) -> str:
    """The name that `key` belongs to. Raises `Unauthorized`. Takes as long for any key, known or not."""
    if not hashes:
        return ANONYMOUS
    if not key:
        raise Unauthorized("No API key was sent.", accepted="Authorization: Bearer KEY, or X-API-Key: KEY")
    digest = hashlib.sha256(key.encode()).hexdigest()
    # A list, not a generator: the search must not end early at a match.
    owners = [name for name, known in hashes.items() if hmac.compare_digest(digest, known)]
    if not owners:
        raise Unauthorized("The API key is not known.", accepted="Authorization: Bearer KEY, or X-API-Key: KEY")
    return owners[0]


async def authenticate(
    request: Request,
    bearer: Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)],
    header: Annotated[str | None, Security(_header)],
    elevenlabs: Annotated[str | None, Security(_elevenlabs)],
) -> str:
    """The caller's name: owner of what it creates, and all it may see."""
    key = bearer.credentials if bearer is not None else header or elevenlabs
    return identify(key, api_state(request).parts.settings.api_keys)


def sent_key(headers: Mapping[str, str]) -> str | None:
    """The key in a request's headers, for where dependencies that read them do not reach: WebSockets."""
    scheme, credentials = get_authorization_scheme_param(headers.get("authorization"))
    return credentials if scheme.lower() == "bearer" else headers.get("x-api-key")


Caller = Annotated[str, Depends(authenticate)]
