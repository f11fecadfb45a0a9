"""Turning requests away while the queue is full, with the time until there will be room."""

import math
from collections.abc import Callable
from typing import Final, TypeVar

from services.api.callers.errors import Overloaded
from services.api.jobs.estimates import Estimator
from services.shared.api_key import ANONYMOUS
from services.shared.errors import QueueFull, Unavailable
from services.shared.line import room_ms
from services.shared.parts import Parts

Made = TypeVar("Made")

#: While the queue is not half full, it is looked at no more often than this.
_CALM_SECONDS: Final = 1.0
#: Seconds after which to ask again where no pace was measured, and the most that anybody is told.
_UNKNOWN: Final = 5
_LONGEST: Final = 3_600


class Overload:
    """Blocking, thread-safe."""

    def __init__(self, parts: Parts, estimator: Estimator) -> None:
        self._parts = parts
        self._estimator = estimator
        self._room = room_ms(parts.settings.max_queued_seconds)
        self._calm_until = float("-inf")

    @property
    def is_calm(self) -> bool:
        """Whether `check` would let anybody pass without asking the store."""
        return not self._room or self._parts.clock() < self._calm_until

    def check(self, owner: str) -> None:
        """Before any work is put into a request. Raises `Overloaded`, `Unavailable`.

        Others may be submitted at the same time: the last word is the store's, when the job is added.
        """
        if self.is_calm:
            return
        backlog = self._parts.line.backlog(owner)
        if not backlog.has_room(1, self._room):
            raise self._refusal(backlog.total, 1)
        if backlog.total < self._room / 2:
            self._calm_until = self._parts.clock() + _CALM_SECONDS

    def guard(self, submit: Callable[[], Made]) -> Made:
        """What `submit` makes. Raises `Overloaded` where the store finds the queue full, and what else it raises."""
        try:
            return submit()
        except QueueFull as error:
            raise self._refusal(self._queued_ms(), error.more_ms) from error

    def _queued_ms(self) -> int:
        """Of all owners; 0 where that cannot be asked now."""
        try:
            return self._parts.line.backlog(ANONYMOUS).total
        except Unavailable:
            return 0

    def _refusal(self, total: int, more_ms: int) -> Overloaded:
        seconds = self._parts.settings.max_queued_seconds
        detail = f"{seconds:g} seconds of audio are queued already, and your jobs have their part of it."
        return Overloaded(detail, retry_after=self._retry_after(total, more_ms))

    def _retry_after(self, total: int, more_ms: int) -> int:
        """Seconds in which as much is spoken as is too much now, by the pace that was measured."""
        try:
            drain = self._estimator.drain_seconds()
        except Unavailable:
            return _UNKNOWN
        if drain is None or not total:
            return _UNKNOWN
        too_much = max(0, total + more_ms - self._room)
        return min(_LONGEST, max(1, math.ceil(drain * min(1.0, too_much / total))))
