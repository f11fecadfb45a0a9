"""A cache that forgets the least recently used once its values weigh too much."""

from collections import OrderedDict
from collections.abc import Callable
from threading import Lock
from typing import Generic, TypeVar

T = TypeVar("T")


class WeighedCache(Generic[T]):
    """Thread-safe LRU bounded by `max_weight` (bytes, say). A value heavier than all of it is not kept."""

    def __init__(self, max_weight: int, weigh: Callable[[T], int]) -> None:
        self._max_weight = max_weight
        self._weigh = weigh
        self._values: OrderedDict[object, T] = OrderedDict()
        self._weight = 0
        self._lock = Lock()
        #: Values that were there when they were asked for, and those that had to be made.
        self.hits = self.misses = 0

    def __len__(self) -> int:
        return len(self._values)

    @property
    def weight(self) -> int:
        return self._weight

    def get(self, key: object, make: Callable[[], T]) -> T:
        """The kept value, else what `make` returns. Two threads may both make; the last one stays."""
        with self._lock:
            if key in self._values:
                self._values.move_to_end(key)
                self.hits += 1
                return self._values[key]
            self.misses += 1
        value = make()
        self._keep(key, value)
        return value

    def clear(self) -> None:
        with self._lock:
            self._values.clear()
            self._weight = 0

    def _keep(self, key: object, value: T) -> None:
        with self._lock:
            if key in self._values:
                self._weight -= self._weigh(self._values.pop(key))
            self._values[key] = value
            self._weight += self._weigh(value)
            while self._weight > self._max_weight:
                _, oldest = self._values.popitem(last=False)
                self._weight -= self._weigh(oldest)
