"""Which recordings were judged a moment ago: clients send the same voice with text after text."""

from collections import OrderedDict
from threading import Lock
from typing import Final, NamedTuple

#: Remembered at a time; of more, those that came longest ago are judged again.
SIZE: Final = 1_000


class Judged(NamedTuple):
    """All that a verdict depends on, and whose it is: how fast it comes must tell nobody what another has sent."""

    owner: str
    sha256: str
    transcript: str | None
    max_seconds: float


class PassedUploads:
    """Thread-safe. Of those that did not pass nothing is kept."""

    def __init__(self, size: int = SIZE) -> None:
        self._size = size
        self._passed: OrderedDict[Judged, None] = OrderedDict()
        self._lock = Lock()

    def __contains__(self, judged: Judged) -> bool:
        with self._lock:
            if judged not in self._passed:
                return False
            self._passed.move_to_end(judged)
            return True

    def add(self, judged: Judged) -> None:
        with self._lock:
            self._passed[judged] = None
            if len(self._passed) > self._size:
                self._passed.popitem(last=False)
