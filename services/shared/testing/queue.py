"""A queue in memory."""

from services.shared import errors


class MemoryJobQueue:
    """`JobQueue` as a list: `sent` is all that was ever sent, `waiting` what nobody took yet."""

    def __init__(self) -> None:
        self.down = False
        self.sent: list[str] = []
        self.waiting: list[str] = []

    def send(self, job_id: str) -> None:
        self.ping()
        self.sent.append(job_id)
        self.waiting.append(job_id)

    def take(self) -> str:
        """What a worker does: the message that waited longest. Raises `IndexError` where none waits."""
        self.ping()
        return self.waiting.pop(0)

    def depth(self) -> int:
        self.ping()
        return len(self.waiting)

    def ping(self) -> None:
        if self.down:
            raise errors.JobQueueUnavailable("The queue does not answer.")
