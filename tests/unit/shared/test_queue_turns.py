"""In which order queues are asked."""

from collections import Counter

from services.shared.adapters.queue_turns import QUEUES, PriorityTurns
from services.shared.priority import Priority

URGENT, USUAL, BULK = (QUEUES[one] for one in Priority)


def _take(turns: PriorityTurns, full: set[str], count: int) -> list[str]:
    """What a worker gets that finds messages in the queues `full`, always more of them."""
    taken = []
    for _ in range(count):
        first = next(name for name in turns.consume(3) if name in full)
        taken.append(turns.rotate(first))
    return taken


def test_of_ten_messages_each_priority_has_its_turns() -> None:
    turns = PriorityTurns([BULK, USUAL, URGENT])
    assert Counter(_take(turns, {URGENT, USUAL, BULK}, 10)) == {URGENT: 6, USUAL: 3, BULK: 1}
    assert Counter(_take(turns, {URGENT, USUAL, BULK}, 1_000)) == {URGENT: 600, USUAL: 300, BULK: 100}


def test_a_turn_of_an_empty_queue_goes_to_the_most_urgent() -> None:
    assert Counter(_take(PriorityTurns([BULK, USUAL, URGENT]), {URGENT, BULK}, 10)) == {URGENT: 9, BULK: 1}
    assert Counter(_take(PriorityTurns([BULK, USUAL, URGENT]), {USUAL, BULK}, 10)) == {USUAL: 9, BULK: 1}
    assert _take(PriorityTurns([BULK, USUAL, URGENT]), {BULK}, 10) == [BULK] * 10


def test_the_most_urgent_is_asked_first() -> None:
    turns = PriorityTurns()
    turns.update([BULK, USUAL, URGENT])
    assert turns.consume(3) == [URGENT, USUAL, BULK]


def test_other_queues_are_left_alone() -> None:
    assert PriorityTurns(["control"]).consume(1) == ["control"]
