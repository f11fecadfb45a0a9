"""An API key as the store knows it: whose it is, what it may do, and the hash of what only its holder has."""

import hashlib
import re
import secrets
from dataclasses import dataclass, field, replace
from typing import Final, Self

from services.shared.priority import Priority
from services.shared.scopes import NEW_KEY

PREFIX: Final = "tmb_"
MAX_LABEL_CHARACTERS: Final = 64
#: What a tenant may be called. Stores build their keys of it, and put a colon behind: it has none.
TENANT: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@|+=-]{0,127}")
#: The owner of all that is made where callers are not asked who they are. No key is of this name.
ANONYMOUS: Final = "anonymous"

#: Chance in a key; nothing slower than a plain hash is needed to keep it.
_SECRET_BYTES: Final = 32
_STORED: Final = re.compile(rf"{PREFIX}([0-9a-f]{{16}})_[A-Za-z0-9_-]{{43}}")


@dataclass(frozen=True)
class Quotas:
    """What a key may use. None: what the settings say; 0 of what is counted: without limit."""

    requests_per_minute: int | None = None
    concurrent_jobs: int | None = None
    #: Of finished audio, a day (UTC).
    audio_seconds: float | None = None
    #: Share of the workers against other tenants'; twice as much is twice as many turns.
    weight: float | None = None
    #: The most urgent that jobs may be.
    max_priority: Priority | None = None


@dataclass(frozen=True)
class ApiKey:
    """Times are seconds since the epoch, UTC. Never changed: a key is made, and revoked."""

    id: str
    #: The tenant: owner of what is made with the key, and of all it may see.
    owner: str
    digest: str = field(repr=False)
    created_at: float
    scopes: tuple[str, ...] = NEW_KEY
    #: What the key is for, in somebody's words.
    label: str = ""
    expires_at: float | None = None
    quotas: Quotas = Quotas()

    @classmethod
    def draw(cls, owner: str, created_at: float, **fields: object) -> tuple[str, Self]:
        """A new key, which nobody will see again, and its record."""
        key_id = secrets.token_hex(8)
        key = f"{PREFIX}{key_id}_{secrets.token_urlsafe(_SECRET_BYTES)}"
        record = cls(id=key_id, owner=owner, digest=digest(key), created_at=created_at)
        return key, replace(record, **fields)  # type: ignore[arg-type]  # fields checked by the dataclass's names


def draw_unstored() -> str:
    """A key that only its hash in `API_KEYS` makes known."""
    return f"{PREFIX}{secrets.token_urlsafe(_SECRET_BYTES)}"


def digest(key: str) -> str:
    return hashlib.sha256(key.encode(errors="surrogatepass")).hexdigest()


def stored_id(key: str) -> str | None:
    """The id in a key of the store; None in any other text, for which nobody need be asked."""
    match = _STORED.fullmatch(key)
    return match[1] if match else None


def is_tenant(name: str) -> bool:
    return bool(TENANT.fullmatch(name)) and name != ANONYMOUS
