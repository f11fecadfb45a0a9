"""How long, and how often, a part that does not answer is asked again."""

from collections.abc import Callable
from typing import Protocol, TypeVar

from tenacity import RetryCallState, Retrying, retry_if_exception_type, wait_exponential, wait_random

from services.shared.errors import Unavailable
from services.shared.ports import Clock

T = TypeVar("T")

_FIRST_WAIT_SECONDS = 0.1
#: Short, so that a cancel or a stop is seen soon.
_LONGEST_WAIT_SECONDS = 1.0
_LONGEST_BACKOFF_SECONDS = 60.0


class Ask(Protocol):
    """Calls until there is an answer, or patience ends."""

    def __call__(self, call: Callable[[], T], /) -> T: ...


def patiently(
    call: Callable[[], T],
    *,
    seconds: float,
    clock: Clock,
    sleep: Callable[[float], None],
    check: Callable[[], None] = lambda: None,
) -> T:
    """Call until it answers, for up to `seconds`; then its last `Unavailable` passes through.

    `check` runs after every try that failed, and ends the trying by raising.
    """
    started = clock()

    def out_of_patience(_: RetryCallState) -> bool:
        return clock() - started >= seconds

    def look_up(_: RetryCallState) -> None:
        check()

    retrying = Retrying(
        retry=retry_if_exception_type(Unavailable),
        wait=wait_exponential(multiplier=_FIRST_WAIT_SECONDS, max=_LONGEST_WAIT_SECONDS)
        + wait_random(0, _FIRST_WAIT_SECONDS),
        stop=out_of_patience,
        sleep=sleep,
        after=look_up,
        reraise=True,
    )
    return retrying(call)


def backoff_seconds(setbacks: int) -> float:
    """How long a job rests after its latest setback: 2 s after the first, doubling, a minute at most."""
    return float(min(_LONGEST_BACKOFF_SECONDS, 2.0**setbacks))
