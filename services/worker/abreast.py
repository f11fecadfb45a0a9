"""Doing several things at once, begun in their order, as far as there are places for them."""

from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextvars import copy_context
from threading import Event
from typing import Self

from services.worker.places import Places


class Abreast:
    """Has calls made on threads of its own, up to `limit` at once: one in the attempt's place, others in spare ones.

    A context manager for one thread; when it is left, nothing runs any more. The first call that raises ends all.
    """

    def __init__(self, places: Places, limit: int) -> None:
        self._places = places
        self._limit = limit
        self._pool = ThreadPoolExecutor(limit, "abreast")
        self._under_way: set[Future[None]] = set()
        self._spares = 0
        self._over = Event()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._pool.shutdown()
        self._places.give_back(self._spares)

    def is_over(self) -> bool:
        """Whether calls that still run are to stop. What they ask."""
        return self._over.is_set()

    def check(self) -> None:
        """Raises what a call raised meanwhile."""
        self._collect(timeout=0)

    def has_room(self) -> bool:
        """Whether one more may be started now. Raises what a call raised."""
        self.check()
        return not self._under_way or self._take_spare()

    def wait_for_room(self) -> None:
        """For one more. Raises what a call raised."""
        while not self.has_room():
            self._collect()

    def start(self, call: Callable[[], None]) -> None:
        """Have it called, once there is room."""
        self._under_way.add(self._pool.submit(copy_context().run, call))

    def finish(self) -> None:
        """Wait for all of them. Raises what one of them raised."""
        while self._under_way:
            self._collect()

    def _take_spare(self) -> bool:
        taken = len(self._under_way) < self._limit and self._places.take_spare()
        self._spares += taken
        return taken

    def _collect(self, timeout: float | None = None) -> None:
        """Wait for one that ends, and give back places that are not used by now."""
        done, self._under_way = wait(self._under_way, timeout, FIRST_COMPLETED)
        unused = self._spares - max(len(self._under_way) - 1, 0)
        self._places.give_back(unused)
        self._spares -= unused
        for call in done:
            call.result()
