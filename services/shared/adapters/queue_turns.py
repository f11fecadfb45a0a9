"""Whose turn it is: in which order a worker asks the queues of its priorities for the next message.

Urgent jobs come first, but not always: of ten messages, three turns are the second priority's and one is the last's,
so that none waits for ever behind a stream of more urgent ones. A turn whose queue is empty goes to the most urgent
job that there is.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from services.shared.lane import SEPARATOR, Lane, with_model
from services.shared.priority import PRIORITIES, Priority

#: The default priority keeps the name that all had when there was one.
QUEUES: Final = {
    Priority.INTERACTIVE: "synthesis.interactive",
    Priority.DEFAULT: "synthesis",
    Priority.BULK: "synthesis.bulk",
}

_I, _D, _B = PRIORITIES
_TURNS: Final = tuple(QUEUES[priority] for priority in (_I, _I, _D, _I, _I, _D, _I, _I, _D, _B))
_RANKS: Final = {name: priority.rank for priority, name in QUEUES.items()}


def queue_of(lane: Lane) -> str:
    return with_model(QUEUES[lane.priority], lane.model)


class PriorityTurns:
    """What kombu asks for the order of its queues: `queue_order_strategy` of its Redis transport names this class."""

    def __init__(self, names: Iterable[str] = ()) -> None:
        self._names = list(names)
        self._taken = 0

    def update(self, names: Iterable[str]) -> None:
        """Consume from these queues."""
        self._names = list(names)

    def consume(self, count: int) -> Sequence[str]:
        """The first `count` queues in the order in which they are asked."""
        first = _TURNS[self._taken % len(_TURNS)]
        return sorted(self._names, key=lambda name: _rank(name, first))[:count]

    def rotate(self, name: str) -> str:
        """A message was taken from this queue: others of its priority are before it now."""
        self._taken += 1
        self._names.sort(key=lambda one: one == name)
        return name


def _rank(name: str, first: str) -> tuple[bool, int]:
    priority, _, _ = name.partition(SEPARATOR)
    return (priority != first, _RANKS.get(priority, len(_RANKS)))
