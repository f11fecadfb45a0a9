"""In which order queues are asked."""

from collections import Counter

from services.shared.adapters.queue_turns import PriorityTurns, queue_of
from services.shared.lane import UNNAMED, lanes_of

URGENT, USUAL, BULK = map(queue_of, UNNAMED)


def _take(turns: PriorityTurns, full: set[str], count: int) -> list[str]:
    """What a worker gets that finds messages in the queues `full`, always more of them."""
    taken = []
    for _ in range(count):
        first = next(name for name in turns.consume(6) if name in full)
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


def test_a_named_models_queues_have_their_priorities_turns() -> None:
    names = [queue_of(lane) for lane in lanes_of([None, "ours"])]
    turns = PriorityTurns(names)
    assert turns.consume(6) == names
    assert Counter(_take(turns, {"synthesis.interactive@ours", "synthesis", "synthesis.bulk@ours"}, 10)) == {
        "synthesis.interactive@ours": 6,
        "synthesis": 3,
        "synthesis.bulk@ours": 1,
    }


def test_two_queues_of_one_priority_take_turns() -> None:
    turns = PriorityTurns([queue_of(lane) for lane in lanes_of([None, "ours"])])
    assert Counter(_take(turns, {"synthesis", "synthesis@ours"}, 10)) == {"synthesis": 5, "synthesis@ours": 5}


def test_other_queues_are_left_alone() -> None:
    assert PriorityTurns(["control"]).consume(1) == ["control"]
