"""What a queued job counts for in its line, and how much there may be in all lines together."""

import math
from dataclasses import dataclass

from services.shared.job import Job
from services.shared.lane import Lane
from services.shared.pace import speech_seconds, workload


@dataclass(frozen=True)
class Admitted:
    """A job whose turn it is: its message is to be sent now."""

    job_id: str
    lane: Lane
    traceparent: str | None = None


@dataclass(frozen=True)
class Place:
    """Where a job stands that was just put into line."""

    #: How many jobs for the same model are before it.
    before: int
    #: How many messages of its lane wait for a worker.
    sent: int


@dataclass(frozen=True)
class Repaired:
    #: How many were put back into line.
    jobs: int
    #: Where to go on; 0, at the beginning, once the last was looked at.
    next_start: int


@dataclass(frozen=True)
class Backlog:
    """Milliseconds of audio that queued jobs are going to be, estimated from their texts."""

    #: Of all owners.
    total: int
    #: Of the one who asks.
    own: int
    #: Who have any.
    owners: int

    def has_room(self, more: int, room: int) -> bool:
        """Whether `more` may come while all are to have `room`; 0 is any number.

        Whoever has nothing in the queue is let in; a full queue turns those away who have more than their part of it.
        """
        if not (room and self.own):
            return True
        return self.total + more <= room or self.own + more <= room / self.owners


def turn(job: Job) -> float:
    """How long its turn in the line is: its work, as its owner's weight lets it seem."""
    return workload(job.input) / job.weight


def audio_ms(job: Job) -> int:
    """Milliseconds of audio that it is going to be: at least one, so that no queued job counts for nothing."""
    return max(1, round(speech_seconds(job.input) * 1000))


def room_ms(seconds: float) -> int:
    return math.ceil(seconds * 1000)
