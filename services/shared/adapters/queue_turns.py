"""Whose turn it is: in which order a worker asks the queues of its priorities for the next message.

Urgent jobs come first, but not always: of ten messages, three turns are the second priority's and one is the last's,
so that none waits for ever behind a stream of more urgent ones. A turn whose queue is empty goes to the most urgent
job that there is.
"""

from collections.abc import Iterable, Sequence
from typing import Final

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
        return sorted(self._names, key=lambda name: (name != first, _RANKS.get(name, len(_RANKS))))[:count]

    def rotate(self, name: str) -> str:
        """A message was taken from this queue."""
        self._taken += 1
        return name
