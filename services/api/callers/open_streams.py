"""How many answers that stay open each caller has."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from services.api.callers.errors import TooManyStreams
from services.api.callers.identity import Identity

_RETRY_AFTER: Final = 5


class OpenStreams:
    """Of one event loop."""

    def __init__(self) -> None:
        self._open: Counter[str] = Counter()

    @contextmanager
    def hold(self, identity: Identity) -> Iterator[None]:
        """Raises `TooManyStreams`."""
        owner, most = identity.owner, identity.open_streams
        if most and self._open[owner] >= most:
            raise TooManyStreams(f"{most} streams are open; no more may be.", retry_after=_RETRY_AFTER)
        self._open[owner] += 1
        try:
            yield
        finally:
            self._open[owner] -= 1
            if not self._open[owner]:
                del self._open[owner]
