"""Where a page of jobs ended."""

import base64
import binascii
import json
from dataclasses import dataclass
from typing import Self, cast

from services.shared.job import Job


@dataclass(frozen=True)
class Cursor:
    """The last job that was shown. Clients see base64 and are promised nothing about what is in it."""

    created_at: float
    job_id: str

    @classmethod
    def after(cls, job: Job) -> Self:
        return cls(job.created_at, job.id)

    def encode(self) -> str:
        return base64.urlsafe_b64encode(json.dumps([self.created_at, self.job_id]).encode()).decode().rstrip("=")

    @classmethod
    def decode(cls, text: str) -> Self:
        """Raises `ValueError` on anything that `encode` did not make."""
        try:
            created_at, job_id = json.loads(base64.urlsafe_b64decode(text.encode("ascii") + b"=="))
        except (binascii.Error, TypeError, ValueError) as error:
            raise ValueError("The cursor is not one of ours.") from error
        if not _is_time(created_at) or not isinstance(job_id, str) or not job_id.isascii():
            raise ValueError("The cursor is not one of ours.")
        return cls(created_at, job_id)


def _is_time(value: object) -> bool:
    """A number of seconds; JSON's true, NaN and endless integers are not."""
    return type(value) in (int, float) and 0 <= cast(float, value) < 2**53
