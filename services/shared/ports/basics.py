"""What several ports speak of."""

from collections.abc import Callable

#: Seconds since the epoch. Injected, so that tests own the time.
Clock = Callable[[], float]
#: Takes bytes as they arrive.
Sink = Callable[[bytes], object]
