"""What tenants may use, and how they say who they are."""

from typing import Annotated, Self

from pydantic import Field, HttpUrl, model_validator

from services.shared.priority import Priority
from services.shared.settings.section import Section


class TenantSettings(Section):
    """Tokens, and limits that hold unless a key has its own."""

    TITLE = "tenants"

    #: How long a process believes what it read of a key: so long a key that was revoked may still open doors.
    key_cache_seconds: Annotated[float, Field(ge=0, le=300)] = 5.0
    #: Whose tokens (JWT) are taken as well as keys: the `iss` that they name.
    jwt_issuer: str | None = None
    #: The `aud` that tokens must name.
    jwt_audience: str | None = None
    #: Where the issuer's public keys are: its JWKS document.
    jwt_jwks_url: HttpUrl | None = None
    #: The claim that names the tenant: the owner of what is made.
    jwt_tenant_claim: str = "sub"
    #: The claim that lists scopes, as a list or in one text.
    jwt_scope_claim: str = "scope"
    #: Requests that a tenant may send in a minute; 0: any number. Limits of tenants are none of anonymous callers.
    tenant_requests_per_minute: Annotated[int, Field(ge=0, le=1_000_000)] = 600
    #: Jobs of a tenant that may be queued and processing; 0: any number.
    tenant_concurrent_jobs: Annotated[int, Field(ge=0)] = 10_000
    #: Streams of audio and events, and WebSockets, that a tenant may have open at one API process; 0: any number.
    tenant_open_streams: Annotated[int, Field(ge=0)] = 1_000
    #: Seconds of audio that may be made for a tenant on a day (UTC); 0: any number.
    tenant_audio_seconds_per_day: Annotated[float, Field(ge=0)] = 0.0
    #: A tenant's share of the workers, against the weights that keys have of their own.
    tenant_weight: Annotated[float, Field(ge=0.01, le=100)] = 1.0
    #: The most urgent that a tenant's jobs may be: `interactive`, `default` or `bulk`.
    tenant_max_priority: Priority = Priority.INTERACTIVE

    @model_validator(mode="after")
    def _check_tokens(self) -> Self:
        named = [self.jwt_issuer, self.jwt_audience, self.jwt_jwks_url]
        if any(named) and not all(named):
            raise ValueError("JWT_ISSUER, JWT_AUDIENCE, JWT_JWKS_URL: expected all three, or none for keys alone")
        return self
