"""Who is calling, what that allows, and how much."""

from dataclasses import dataclass, replace
from typing import Final, Self, TypeVar

from services.shared.api_key import ANONYMOUS, ApiKey
from services.shared.priority import Priority
from services.shared.scopes import USUAL, grant
from services.shared.settings import Settings

Number = TypeVar("Number", int, float)


@dataclass(frozen=True)
class Identity:
    #: The tenant: owner of what it creates, and of all it may see.
    owner: str
    scopes: frozenset[str]
    #: Limits; 0 is none.
    requests_per_minute: int = 0
    concurrent_jobs: int = 0
    audio_seconds: float = 0.0
    open_streams: int = 0
    #: Share of the workers against other tenants', and the most urgent that its jobs may be.
    weight: float = 1.0
    max_priority: Priority = Priority.INTERACTIVE
    #: Whose requests are counted together: a tenant's, or those of one key that has a number of its own.
    counted_as: str = ""
    #: The store's key that let the caller in; empty where it was none of the store's.
    key_id: str = ""

    @classmethod
    def of_tenant(cls, owner: str, scopes: frozenset[str], settings: Settings) -> Self:
        """One that the settings' limits hold for."""
        return cls(
            owner,
            scopes,
            requests_per_minute=settings.tenant_requests_per_minute,
            concurrent_jobs=settings.tenant_concurrent_jobs,
            audio_seconds=settings.tenant_audio_seconds_per_day,
            open_streams=settings.tenant_open_streams,
            weight=settings.tenant_weight,
            max_priority=settings.tenant_max_priority,
            counted_as=f"tenant:{owner}",
        )

    @classmethod
    def of_key(cls, key: ApiKey, settings: Settings) -> Self:
        usual, own = cls.of_tenant(key.owner, grant(key.scopes), settings), key.quotas
        return replace(
            usual,
            requests_per_minute=_first(own.requests_per_minute, usual.requests_per_minute),
            concurrent_jobs=_first(own.concurrent_jobs, usual.concurrent_jobs),
            audio_seconds=_first(own.audio_seconds, usual.audio_seconds),
            weight=_first(own.weight, usual.weight),
            max_priority=own.max_priority or usual.max_priority,
            counted_as=usual.counted_as if own.requests_per_minute is None else f"key:{key.id}",
            key_id=key.id,
        )


#: Where nobody is asked. Keys that such a caller made would open doors once keys are asked for: it makes none.
ANYBODY: Final = Identity(ANONYMOUS, USUAL)


def _first(own: Number | None, usual: Number) -> Number:
    return usual if own is None else own
