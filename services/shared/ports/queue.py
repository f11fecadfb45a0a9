"""The way of jobs to workers."""

from typing import Protocol

from services.shared.priority import Priority


class JobQueue(Protocol):
    """Delivers job ids to workers, at least once. Truth about a job is in the `JobStore` alone."""

    def send(self, job_id: str, priority: Priority = Priority.DEFAULT, *, traceparent: str | None = None) -> None:
        """`traceparent` goes with the message: whoever takes it goes on with that trace."""
        ...

    def depth(self, priority: Priority | None = None) -> int:
        """Messages that no worker has taken yet: of one priority, or of all."""
        ...

    def ping(self) -> None: ...
