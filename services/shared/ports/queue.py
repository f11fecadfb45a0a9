"""The way of jobs to workers."""

from collections.abc import Iterable
from typing import Protocol

from services.shared.lane import UNNAMED, USUAL, Lane


class JobQueue(Protocol):
    """Delivers job ids to workers, at least once. Truth about a job is in the `JobStore` alone."""

    def send(self, job_id: str, lane: Lane = USUAL, *, traceparent: str | None = None) -> None:
        """`traceparent` goes with the message: whoever takes it goes on with that trace."""
        ...

    def depth(self, lanes: Iterable[Lane] = UNNAMED) -> int:
        """Messages of these lanes that no worker has taken yet, all together."""
        ...

    def ping(self) -> None: ...
