"""All sections together, and what has to hold across them."""

import ipaddress
from typing import Any, Final, Self
from urllib.parse import urlsplit, urlunsplit

from pydantic import SecretStr, model_validator

from services.shared.lane import Lane, lanes_of
from services.shared.settings.api import ApiSettings
from services.shared.settings.engine import EngineSettings
from services.shared.settings.error import SettingsError
from services.shared.settings.hooks import HookSettings
from services.shared.settings.jobs import JobSettings
from services.shared.settings.outbound import OutboundSettings
from services.shared.settings.parts import PartsSettings
from services.shared.settings.section import Section
from services.shared.settings.telemetry import TelemetrySettings
from services.shared.settings.tenants import TenantSettings
from services.shared.webhook import LAST_TRY_SECONDS

#: In the order in which they are explained.
SECTIONS: Final[tuple[type[Section], ...]] = (
    ApiSettings,
    TenantSettings,
    PartsSettings,
    EngineSettings,
    JobSettings,
    HookSettings,
    OutboundSettings,
    TelemetrySettings,
)


class Settings(
    # Pydantic takes the fields of the last one first.
    TelemetrySettings,
    OutboundSettings,
    HookSettings,
    JobSettings,
    EngineSettings,
    PartsSettings,
    TenantSettings,
    ApiSettings,
):
    """Built by `load_settings`; a value given in code goes through the same checks."""

    @property
    def asks_who(self) -> bool:
        """Whether callers must say who they are. Never decided by what is in a store: that may be empty, or away."""
        return bool(self.api_keys or self.require_auth or self.jwt_issuer)

    @property
    def taken_lanes(self) -> tuple[Lane, ...]:
        """Whose jobs a worker takes: those for whichever model too, so that none is stranded when MODELS changes."""
        return lanes_of([None, self.served_model], self.taken_priorities)

    def check_exposure(self) -> None:
        """Raise `SettingsError` where strangers could reach an API that does not ask who they are."""
        if not (self.asks_who or self.allow_anonymous or _is_loopback(self.api_host)):
            raise SettingsError(
                "API_HOST: others can reach this address and callers are not asked who they are; "
                "expected API_KEYS, REQUIRE_AUTH=true, JWT_ISSUER, a loopback address, or ALLOW_ANONYMOUS=true"
            )

    def public_view(self) -> dict[str, Any]:
        """All settings as plain JSON values, fit to be shown: no secrets, and of keys how many there are."""
        view = self.model_dump(mode="json", exclude={"s3_access_key", "s3_secret_key", "webhook_secret"})
        for name in ("redis_url", "broker_url"):
            url: SecretStr | None = getattr(self, name)
            view[name] = url and _without_credentials(url.get_secret_value())
        return view | {"api_keys": len(self.api_keys)}

    @model_validator(mode="after")
    def _check_lifetimes(self) -> Self:
        if self.audio_seconds > self.job_ttl_seconds:
            raise ValueError(
                "OUTPUT_TTL_SECONDS: nobody can ask for audio whose record is gone; expected at most JOB_TTL_SECONDS"
            )
        if self.input_ttl_seconds <= self.queue_ttl_seconds:
            raise ValueError("INPUT_TTL_SECONDS: jobs that wait need theirs; expected more than QUEUE_TTL_SECONDS")
        if self.webhook_secret is not None and self.job_ttl_seconds < LAST_TRY_SECONDS:
            raise ValueError(
                f"JOB_TTL_SECONDS: webhooks are tried again for as long as the record is there; expected at least "
                f"{LAST_TRY_SECONDS} with WEBHOOK_SECRET, and OUTPUT_TTL_SECONDS for audio to go before that"
            )
        return self

    @model_validator(mode="after")
    def _check_buckets(self) -> Self:
        if self.s3_bucket in self.voice_url_buckets:
            raise ValueError("VOICE_URL_BUCKETS: S3_BUCKET holds everybody's references; expected other buckets")
        return self


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def _without_credentials(url: str) -> str:
    """Scheme, host, port and path: user, password and query may hold secrets."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))
