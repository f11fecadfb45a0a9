"""What `/admin/keys` takes and answers."""

from datetime import UTC, datetime
from typing import Annotated, Any, Final

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from services.api.errors import InvalidField
from services.api.forms.speech import PriorityName
from services.api.views.output import Output
from services.shared.api_key import MAX_LABEL_CHARACTERS, TENANT, ApiKey, Quotas, is_tenant
from services.shared.priority import Priority
from services.shared.scopes import NEW_KEY, Scope

_EXAMPLE: Final[dict[str, Any]] = {
    "tenant": "acme",
    "label": "the website",
    "scopes": ["speech"],
    "expires_at": "2031-01-01T00:00:00Z",
    "requests_per_minute": 120,
}
_MAX: Final = 1_000_000_000


def _tenant(name: str) -> str:
    if not is_tenant(name):
        raise ValueError("The name is kept for callers without a key")
    return name


class KeyDraft(BaseModel):
    """A key to be made. A limit that is left out is what the settings say; 0 is none."""

    model_config = ConfigDict(frozen=True, extra="forbid", json_schema_extra={"example": _EXAMPLE})

    tenant: Annotated[str, StringConstraints(pattern=f"^{TENANT.pattern}$"), AfterValidator(_tenant)] = Field(
        description="Who will own what is made with the key. Several keys may belong to one tenant."
    )
    label: Annotated[str, StringConstraints(max_length=MAX_LABEL_CHARACTERS)] = Field(
        "", description="What the key is for."
    )
    scopes: Annotated[list[Scope], Field(min_length=1, max_length=8)] = Field(
        list(NEW_KEY),
        description="`speech`: speak, and have jobs. `voices`: store and change voices, and fetch recordings. "
        "`voices:read`: see which voices there are (`speech` and `voices` give it too). "
        "`uploads`: store recordings ahead (the same two give it). `status`: see settings and "
        "workers. `admin`: manage the keys of all tenants. `*`: everything.",
    )
    expires_at: AwareDatetime | None = Field(None, description="From then on it opens nothing.")
    requests_per_minute: int | None = Field(None, ge=0, le=_MAX)
    concurrent_jobs: int | None = Field(None, ge=0, le=_MAX)
    audio_seconds_per_day: float | None = Field(None, ge=0, le=_MAX)
    weight: float | None = Field(
        None, ge=0.01, le=100, description="Share of the workers against other tenants: 2 has twice the turns of 1."
    )
    max_priority: PriorityName | None = Field(None, description="The most urgent that jobs may be.")

    def draw(self, now: float) -> tuple[str, ApiKey]:
        """The key itself, and what is kept of it. Raises `InvalidField` for one that would open nothing."""
        if self.expires_at is not None and self.expires_at.timestamp() <= now:
            raise InvalidField("`expires_at` is over.", field="expires_at", accepted="a moment to come, or left out")
        quotas = Quotas(
            self.requests_per_minute,
            self.concurrent_jobs,
            self.audio_seconds_per_day,
            self.weight,
            self.max_priority and Priority(self.max_priority),
        )
        return ApiKey.draw(
            self.tenant,
            now,
            scopes=tuple(self.scopes),
            label=self.label,
            expires_at=self.expires_at and self.expires_at.timestamp(),
            quotas=quotas,
        )


class KeyView(Output):
    key_id: str = Field(examples=["0f6b1c2d3e4f5a6b"])
    tenant: str = Field(examples=["acme"])
    label: str
    scopes: list[str] = Field(examples=[["speech"]])
    created_at: datetime
    expires_at: datetime | None
    requests_per_minute: int | None = Field(description="Null: what the settings say. 0: no limit.")
    concurrent_jobs: int | None
    audio_seconds_per_day: float | None
    weight: float | None
    max_priority: PriorityName | None


class NewKeyView(KeyView):
    key: str = Field(description="The key itself. It is not kept, and never shown again.")


class KeyList(Output):
    keys: list[KeyView]
    next_cursor: str | None = Field(description="Pass it as `cursor` for the next page; null on the last.")


def key_view(key: ApiKey) -> KeyView:
    return KeyView.model_validate(_values(key))


def new_key_view(key: ApiKey, secret: str) -> NewKeyView:
    return NewKeyView.model_validate({**_values(key), "key": secret})


def _values(key: ApiKey) -> dict[str, Any]:
    return {
        "key_id": key.id,
        "tenant": key.owner,
        "label": key.label,
        "scopes": list(key.scopes),
        "created_at": datetime.fromtimestamp(key.created_at, UTC),
        "expires_at": key.expires_at and datetime.fromtimestamp(key.expires_at, UTC),
        "requests_per_minute": key.quotas.requests_per_minute,
        "concurrent_jobs": key.quotas.concurrent_jobs,
        "audio_seconds_per_day": key.quotas.audio_seconds,
        "weight": key.quotas.weight,
        "max_priority": key.quotas.max_priority,
    }
