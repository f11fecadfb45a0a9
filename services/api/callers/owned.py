"""A record for its owner alone. To everybody else it does not exist."""

from collections.abc import Callable
from typing import Protocol, TypeVar


class Owned(Protocol):
    @property
    def owner(self) -> str: ...


Record = TypeVar("Record", bound=Owned)


def own(find: Callable[[str], Record], record_id: str, owner: str, missing: Exception) -> Record:
    """Raises `missing` for another's record as for none, so that the answers are the same to the letter."""
    try:
        record = find(record_id)
    except type(missing):
        raise missing from None
    if record.owner != owner:
        raise missing
    return record
