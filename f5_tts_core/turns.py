"""How many requests an engine takes at once, and a wait for one's turn that can be canceled. Free of torch."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import BoundedSemaphore

from f5_tts_core.engine import CancelCallback
from f5_tts_core.errors import Canceled

#: Seconds between two looks at `should_cancel` while a request waits.
_POLL_SECONDS = 0.05


class Turns:
    """`places` turns, each given back when its context is left."""

    def __init__(self, places: int) -> None:
        self._places = BoundedSemaphore(places)

    @contextmanager
    def take(self, should_cancel: CancelCallback) -> Iterator[None]:
        """Wait for a turn, and hold it. Raises `Canceled` where the request is canceled while it waits."""
        while not self._places.acquire(timeout=_POLL_SECONDS):
            if should_cancel():
                raise Canceled("The request was canceled while it waited.")
        try:
            yield
        finally:
            self._places.release()
