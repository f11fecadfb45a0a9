"""Where a page of a listing ended."""

import base64
import binascii
import json
from dataclasses import dataclass
from typing import Protocol, Self, cast


class Listed(Protocol):
    """What is listed, newest first."""

    @property
    def id(self) -> str: ...

    @property
    def created_at(self) -> float: ...


@dataclass(frozen=True)
class Cursor:
    """The last record that was shown. Clients see base64 and are promised nothing about what is in it."""

    created_at: float
    id: str

    @classmethod
    def after(cls, record: Listed) -> Self:
        return cls(record.created_at, record.id)

    def encode(self) -> str:
        return base64.urlsafe_b64encode(json.dumps([self.created_at, self.id]).encode()).decode().rstrip("=")

    @classmethod
    def decode(cls, text: str) -> Self:
        """Raises `ValueError` on anything that `encode` did not make."""
        try:
            created_at, last_id = json.loads(base64.urlsafe_b64decode(text.encode("ascii") + b"=="))
        except (binascii.Error, TypeError, ValueError) as error:
            raise ValueError("The cursor is not one of ours.") from error
        if not _is_time(created_at) or not isinstance(last_id, str) or not last_id.isascii():
            raise ValueError("The cursor is not one of ours.")
        return cls(created_at, last_id)


def _is_time(value: object) -> bool:
    """A number of seconds; JSON's true, NaN and endless integers are not."""
    return type(value) in (int, float) and 0 <= cast(float, value) < 2**53
