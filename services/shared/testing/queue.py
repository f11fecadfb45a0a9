"""A queue in memory."""

from collections.abc import Iterable

from services.shared import errors
from services.shared.lane import UNNAMED, USUAL, Lane


class MemoryJobQueue:
    """`JobQueue` as a list: `sent` is all that was ever sent, `waiting` what nobody took yet, with its lane."""

    def __init__(self) -> None:
        self.down = False
        self.sent: list[str] = []
        self.waiting: list[tuple[str, Lane]] = []

    def send(self, job_id: str, lane: Lane = USUAL, *, traceparent: str | None = None) -> None:
        self.ping()
        self.sent.append(job_id)
        self.waiting.append((job_id, lane))

    def take(self) -> str:
        """What a worker does: the most urgent message that waited longest. Raises `IndexError` where none waits."""
        self.ping()
        first = min(range(len(self.waiting)), key=lambda number: self.waiting[number][1].priority.rank, default=0)
        return self.waiting.pop(first)[0]

    def depth(self, lanes: Iterable[Lane] = UNNAMED) -> int:
        self.ping()
        asked = set(lanes)
        return sum(lane in asked for _, lane in self.waiting)

    def ping(self) -> None:
        if self.down:
            raise errors.JobQueueUnavailable("The queue does not answer.")
