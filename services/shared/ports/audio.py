"""Speech that is heard while it is made."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True)
class AudioPiece:
    """A second of speech at most: 16-bit little-endian samples at `limits.SAMPLE_RATE`. Empty: the speech is over."""

    #: From 1, without gaps.
    number: int
    samples: bytes = field(repr=False)


class AudioChannel(Protocol):
    """Speech on its way from the worker that makes it to whoever listens. Bounded and short-lived.

    Attempts at a job never meet. Who listens to the job's events hears of new pieces. May raise `JobStoreUnavailable`.
    """

    def send(self, job_id: str, attempt: int, pieces: Sequence[AudioPiece]) -> None:
        """Add the next pieces; ones that are there already change nothing. Of too many the oldest go."""
        ...

    def read(self, job_id: str, attempt: int, *, after: int, limit: int) -> Sequence[AudioPiece]:
        """The oldest pieces that are kept and have higher numbers than `after`."""
        ...

    def drop(self, job_id: str, attempts: int) -> None:
        """Forget this many attempts."""
        ...
