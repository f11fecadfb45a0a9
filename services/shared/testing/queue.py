"""A queue in memory."""

from services.shared import errors
from services.shared.priority import Priority


class MemoryJobQueue:
    """`JobQueue` as a list: `sent` is all that was ever sent, `waiting` what nobody took yet, with its priority."""

    def __init__(self) -> None:
        self.down = False
        self.sent: list[str] = []
        self.waiting: list[tuple[str, Priority]] = []

    def send(self, job_id: str, priority: Priority = Priority.DEFAULT, *, traceparent: str | None = None) -> None:
        self.ping()
        self.sent.append(job_id)
        self.waiting.append((job_id, priority))

    def take(self) -> str:
        """What a worker does: the most urgent message that waited longest. Raises `IndexError` where none waits."""
        self.ping()
        first = min(range(len(self.waiting)), key=lambda number: self.waiting[number][1].rank, default=0)
        return self.waiting.pop(first)[0]

    def depth(self, priority: Priority | None = None) -> int:
        self.ping()
        return sum(priority in (None, one) for _, one in self.waiting)

    def ping(self) -> None:
        if self.down:
            raise errors.JobQueueUnavailable("The queue does not answer.")
