"""When to look at a job or batch again, and when to give up."""

from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from timbre_client.errors import ApiError, ServerUnreachable, TimbreError
from timbre_client.session import Session, is_transient, jittered, retry_after_of

T = TypeVar("T")

#: Seconds before the second look. Each pause is longer by a fifth: a job's end is noticed that much late at most.
FIRST_PAUSE: Final = 0.15
GROWTH: Final = 1.2


class Polling:
    """One wait's. `patience` is how many seconds a server may be away before its error is raised."""

    def __init__(
        self, clock: Callable[[], float], *, timeout: float | None, patience: float, longest_pause: float
    ) -> None:
        self._clock = clock
        self._ends_at = None if timeout is None else clock() + timeout
        self._patience = patience
        self._longest_pause = longest_pause
        self._pause = FIRST_PAUSE
        self._away_since: float | None = None
        self._asked_for = 0.0

    @property
    def is_over(self) -> bool:
        return self._ends_at is not None and self._clock() >= self._ends_at

    def next_pause(self) -> float:
        """Seconds, not beyond the end."""
        pause = max(jittered(min(self._pause, self._longest_pause)), self._asked_for)
        self._pause *= GROWTH
        return pause if self._ends_at is None else max(0.0, min(pause, self._ends_at - self._clock()))

    def answered(self) -> None:
        self._away_since, self._asked_for = None, 0.0

    def missed(self, error: TimbreError) -> None:
        """Raises `error` unless it may pass, and has not lasted for too long."""
        now = self._clock()
        self._away_since = now if self._away_since is None else self._away_since
        self._asked_for = retry_after_of(error)
        if not is_transient(error) or now + self._asked_for - self._away_since > self._patience:
            raise error


async def watch(
    session: Session,
    polling: Polling,
    current: T,
    look: Callable[[], Awaitable[T]],
    *,
    is_over: Callable[[T], bool],
    on_progress: Callable[[T], object] | None,
) -> T:
    """The last reading: of what is over, or was waited for long enough.

    `on_progress` is called with each, `current` first. Raises what `Polling.missed` raises.
    """
    tell = on_progress or (lambda _: None)
    tell(current)
    while not (is_over(current) or polling.is_over):
        await session.line.sleep(polling.next_pause())
        try:
            current = await look()
        except (ApiError, ServerUnreachable) as error:
            polling.missed(error)
        else:
            polling.answered()
            tell(current)
    return current
