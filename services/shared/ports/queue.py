"""The way of jobs to workers."""

from typing import Protocol


class JobQueue(Protocol):
    """Delivers job ids to workers, at least once. Truth about a job is in the `JobStore` alone."""

    def send(self, job_id: str) -> None: ...

    def depth(self) -> int:
        """Messages that no worker has taken yet."""
        ...

    def ping(self) -> None: ...
