"""What was spoken already."""

from typing import Protocol


class ResultIndex(Protocol):
    """Which job speaks something, or has spoken it: by a digest of all that its sound depends on.

    May raise `JobStoreUnavailable`. A job that is named may be gone by now, or have failed.
    """

    def named(self, digest: str) -> str | None:
        """A job's id."""
        ...

    def take(self, digest: str, job_id: str, *, instead_of: str | None = None, ttl_seconds: int) -> str:
        """Name the job where none is named, or it is itself, or `instead_of`. The id that is named then."""
        ...
