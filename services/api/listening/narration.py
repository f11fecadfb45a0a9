"""What a listener is told of a job: each thing once, under ids that grow and tell what was seen."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, NamedTuple, Self

from services.api.views.job import JobState
from services.shared.job import Job
from services.shared.news import percent

EventName = Literal["snapshot", "progress", "status", "end"]

_EVENT_ID = re.compile(r"(\d{1,9})-(\d{1,3})-(\d{1,9})")


class EventId(NamedTuple):
    """How far the job's record was, and which telling of that it is."""

    revision: int
    percent: int
    turn: int = 0

    def __str__(self) -> str:
        return f"{self.revision}-{self.percent}-{self.turn}"

    @classmethod
    def parse(cls, text: str | None) -> Self | None:
        """None for what is not one of ours: whoever sends it is told everything."""
        match = _EVENT_ID.fullmatch(text or "")
        return match and cls(*map(int, match.groups()))

    @classmethod
    def of(cls, job: Job) -> Self:
        return cls(job.revision, percent(job.progress))

    def covers(self, job: Job) -> bool:
        """Whether whoever saw this has seen the job as it now is."""
        return self[:2] == EventId.of(job)[:2]


@dataclass(frozen=True)
class JobEvent:
    name: EventName
    id: EventId
    state: JobState


class Narrator:
    """One listener's. `seen` is the last event it had before it came back, if it did."""

    def __init__(self, describe: Callable[[Job], JobState], seen: EventId | None) -> None:
        self._describe = describe
        self._last = seen
        self._told: JobState | None = None

    def tell(self, job: Job) -> JobEvent | None:
        """What is new, if anything. Blocking: it asks for the job's place in the queue."""
        state = self._describe(job)
        told = self._told
        if told is not None and _alike(told, state):
            return None
        self._told = state
        if told is None and self._is_known(job):
            return None
        self._last = self._next_id(job)
        return JobEvent(_name(told, state), self._last, state)

    def _is_known(self, job: Job) -> bool:
        return self._last is not None and self._last.covers(job)

    def _next_id(self, job: Job) -> EventId:
        if self._last is not None and self._last.covers(job):
            return self._last._replace(turn=self._last.turn + 1)
        return EventId.of(job)


def _alike(told: JobState, state: JobState) -> bool:
    """The estimate changes all the time, and is no news by itself; nor is a place that could not be found out."""
    same_place = state.queue_position in (None, told.queue_position)
    return same_place and (told.status, percent(told.progress)) == (state.status, percent(state.progress))


def _name(told: JobState | None, state: JobState) -> EventName:
    if state.status.is_terminal:
        return "end"
    if told is None:
        return "snapshot"
    return "progress" if told.status is state.status else "status"
