"""How a worker stops: first no new work, then, when its patience ends, what runs is given back."""

from collections.abc import Callable


class StopLight:
    """Green until told to stop; amber while running jobs may finish; red when they must be given back.

    `stop` only assigns, so that a signal handler may call it at any moment.
    """

    def __init__(self, grace_seconds: float, clock: Callable[[], float]) -> None:
        """`clock` counts seconds from anywhere, and must be monotonic."""
        self._grace_seconds = grace_seconds
        self._clock = clock
        self._red_at: float | None = None

    def stop(self) -> None:
        """Start the period of grace; asked a second time, end it."""
        now = self._clock()
        self._red_at = now + self._grace_seconds if self._red_at is None else now

    def is_green(self) -> bool:
        return self._red_at is None

    def is_red(self) -> bool:
        return self._red_at is not None and self._clock() >= self._red_at
