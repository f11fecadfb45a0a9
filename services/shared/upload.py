"""Files that clients store in the object store themselves, on their way to a request that uses them.

There are no records of them: an upload's id says when it was made, and its key whose it is.
"""

import hashlib
import re
from typing import Final

#: Before the keys of all of them.
UPLOADS: Final = "uploads/"

_ID: Final = re.compile(r"[0-9a-f]{32}")
_KEY: Final = re.compile(rf"{UPLOADS}[0-9a-f]{{32}}/({_ID.pattern})")


def owner_prefix(owner: str) -> str:
    """Before the keys of an owner's uploads. Tenants' names are not for addresses that clients see."""
    return f"{UPLOADS}{hashlib.sha256(owner.encode()).hexdigest()[:32]}/"


def upload_key(owner: str, upload_id: str) -> str:
    return f"{owner_prefix(owner)}{upload_id}"


def offered_at(upload_id: str) -> float | None:
    """Seconds since the epoch; None of what is no id of an upload."""
    return int(upload_id[:12], 16) / 1_000 if _ID.fullmatch(upload_id) else None


def key_offered_at(key: str) -> float | None:
    """Seconds since the epoch; None of what is no key of an upload."""
    match = _KEY.fullmatch(key)
    return offered_at(match[1]) if match else None
