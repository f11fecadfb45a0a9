"""What a caller may do, by name."""

from collections.abc import Iterable
from typing import Final, Literal, get_args

Scope = Literal["speech", "voices", "voices:read", "uploads", "status", "admin", "*"]

#: Speak, and read, stop and delete one's own jobs.
SPEECH: Final = "speech"
#: Store, change and delete one's own voices, and fetch their recordings.
VOICES: Final = "voices"
#: See which voices one has.
VOICES_READ: Final = "voices:read"
#: Send recordings ahead of the requests that use them.
UPLOADS: Final = "uploads"
#: See how the service runs: settings, workers, load.
STATUS: Final = "status"
#: Make, list and revoke the keys of all tenants.
ADMIN: Final = "admin"
EVERYTHING: Final = "*"

SCOPES: Final[tuple[Scope, ...]] = get_args(Scope)
#: All but managing keys: of callers without a key, where none is asked for, and of keys in `API_KEYS`.
USUAL: Final = frozenset({SPEECH, VOICES, VOICES_READ, UPLOADS, STATUS})
#: Of a new key for which none are named.
NEW_KEY: Final[tuple[Scope, ...]] = ("speech", "voices")

#: What else a scope gives: who speaks, or stores voices, needs to know which there are, and brings recordings.
_GIVES: Final = {SPEECH: {VOICES_READ, UPLOADS}, VOICES: {VOICES_READ, UPLOADS}, EVERYTHING: USUAL | {ADMIN}}


def grant(named: Iterable[str]) -> frozenset[str]:
    """All that these scopes give. Names of none are nothing: tokens may carry those of other services."""
    known = {scope for scope in named if scope in SCOPES}
    return frozenset(known.union(*(_GIVES.get(scope, ()) for scope in known)))
