"""Several things at once, in places that nobody else needs."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from threading import Event, Thread, get_ident

import pytest

from services.worker.abreast import Abreast
from services.worker.places import Places
from services.worker.shares import Shares

PATIENCE = 30.0


class Work:
    """Calls that run until they are let go."""

    def __init__(self, abreast: Abreast) -> None:
        self.abreast = abreast
        self.begun: list[int] = []
        self.ended: list[int] = []
        self._gates: dict[int, Event] = {}

    def start(self, number: int) -> None:
        self._gates[number] = Event()
        begun = Event()

        def call() -> None:
            self.begun.append(number)
            begun.set()
            assert self._gates[number].wait(PATIENCE)
            self.ended.append(number)

        self.abreast.start(call)
        assert begun.wait(PATIENCE)

    def end(self, *numbers: int) -> None:
        for number in numbers:
            self._gates[number].set()


@contextmanager
def working(places: Places, limit: int) -> Iterator[Work]:
    """One attempt's work. Whatever is under way at its end is let go."""
    with places.attempt(), Abreast(places, limit) as abreast:
        work = Work(abreast)
        try:
            yield work
        finally:
            work.end(*work.begun)


def soon(wait: Callable[[], None]) -> Event:
    """Set once `wait` returns."""
    over = Event()

    def run() -> None:
        wait()
        over.set()

    Thread(target=run, daemon=True).start()
    return over


def fail() -> None:
    raise ZeroDivisionError


def begin(work: Work, count: int) -> int:
    """Begin as many as have room; how many that were."""
    begun = 0
    while begun < count and work.abreast.has_room():
        work.start(begun)
        begun += 1
    return begun


@pytest.mark.parametrize(
    ("total", "limit", "others", "expected"),
    [(8, 3, 0, 3), (4, 8, 0, 3), (4, 8, 1, 2), (4, 8, 2, 1), (4, 8, 9, 1), (1, 8, 0, 1), (8, 1, 0, 1)],
)
def test_as_many_go_on_as_are_allowed_and_nobody_else_needs_the_places_of(
    total: int, limit: int, others: int, expected: int
) -> None:
    places = Places(total)
    with ExitStack() as stack:
        for _ in range(others):
            stack.enter_context(places.attempt())
        work = stack.enter_context(working(places, limit))
        assert begin(work, 10) == expected


def test_room_for_the_next_comes_with_the_end_of_any() -> None:
    with working(Places(8), limit=2) as work:
        assert begin(work, 2) == 2
        room = soon(work.abreast.wait_for_room)
        assert not room.is_set()
        work.end(1)
        assert room.wait(PATIENCE)
        work.start(2)
        work.end(0, 2)
        work.abreast.finish()
        assert sorted(work.ended) == [0, 1, 2]


def test_places_are_given_back_as_they_are_left_and_all_in_the_end() -> None:
    places = Places(4)
    with working(places, limit=8) as work:
        assert begin(work, 8) == 3
        assert not places.take_spare()
        work.end(0)
        while not places.take_spare():
            work.abreast.check()
        places.give_back(1)
    with places.attempt():
        assert [places.take_spare() for _ in range(3)] == [True, True, False]


def test_two_share_what_is_left_over() -> None:
    places = Places(5)
    with working(places, limit=8) as first, working(places, limit=8) as second:
        assert begin(first, 8) == 3
        assert begin(second, 8) == 1


def test_what_one_raises_ends_all() -> None:
    stopped = Event()

    def speak_two() -> None:
        with Abreast(Places(4), 2) as abreast:

            def go_on() -> None:
                while not abreast.is_over():
                    pass
                stopped.set()

            for call in (go_on, fail):
                abreast.wait_for_room()
                abreast.start(call)
            abreast.finish()

    with pytest.raises(ZeroDivisionError):
        speak_two()
    # Nothing runs any more.
    assert stopped.is_set()


def test_what_is_raised_meanwhile_is_noticed_without_waiting() -> None:
    def look_again_and_again(abreast: Abreast) -> None:
        while True:
            abreast.check()

    with Abreast(Places(4), 2) as abreast:
        abreast.start(fail)
        with pytest.raises(ZeroDivisionError):
            look_again_and_again(abreast)


def test_calls_know_what_their_caller_knows_on_threads_of_their_own() -> None:
    known: ContextVar[str] = ContextVar("known", default="nothing")
    known.set("the job")
    seen: list[tuple[str, int]] = []
    with Abreast(Places(1), 1) as abreast:
        abreast.start(lambda: seen.append((known.get(), get_ident())))
        abreast.finish()
    assert seen[0][0] == "the job"
    assert seen[0][1] != get_ident()


def test_shares_add_up_and_never_fall() -> None:
    told: list[float] = []
    shares = Shares(2, told.append)
    for part, share in (("a", 0.5), ("b", 0.5), ("a", 0.25), ("a", 1.0), ("b", 1.0)):
        shares.note(part, share)
    assert told == [0.25, 0.5, 0.5, 0.75, 1.0]
