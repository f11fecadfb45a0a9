"""Where clients may have us call."""

import ipaddress
import re
from typing import Annotated

from pydantic import Field, SecretStr, field_validator

from services.shared.settings.section import Listed, Section
from services.shared.signing import signing_key

_HOST = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9._-]{0,251}[A-Za-z0-9_.])?")


class OutboundSettings(Section):
    """Webhooks, and references by URL."""

    TITLE = "outbound"

    #: Hosts, addresses and networks (10.0.0.0/8) that webhooks and references by URL may lead to although they are
    #: not public, over http and on any port too; comma separated.
    outbound_allowed_hosts: Listed = ()
    #: Buckets of the object store that `voice_url` may name as s3://bucket/key; comma separated.
    voice_url_buckets: Listed = ()
    #: How long fetching a reference by URL may take.
    voice_url_timeout_seconds: Annotated[float, Field(gt=0, le=600)] = 30.0
    #: What webhooks are signed with: `whsec_` and 24 to 64 bytes as base64; unset: no webhooks.
    webhook_secret: SecretStr | None = None
    #: How long a webhook's receiver may take to answer.
    webhook_timeout_seconds: Annotated[float, Field(gt=0, le=60)] = 10.0

    @field_validator("outbound_allowed_hosts")
    @classmethod
    def _check_allowed_hosts(cls, entries: tuple[str, ...]) -> tuple[str, ...]:
        if not all(_HOST.fullmatch(entry) or _is_network(entry) for entry in entries):
            raise ValueError("expected hosts, addresses and networks, comma separated: hooks.internal, 10.0.0.0/8")
        return entries

    @field_validator("webhook_secret")
    @classmethod
    def _check_webhook_secret(cls, secret: SecretStr | None) -> SecretStr | None:
        if secret is not None:
            signing_key(secret.get_secret_value())
        return secret


def _is_network(entry: str) -> bool:
    try:
        ipaddress.ip_network(entry)
    except ValueError:
        return False
    return True
