"""Something small done again and again beside the main work."""

import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

import structlog

logger = structlog.get_logger(__name__)


class Ticker:
    """Calls `call` every `seconds` on a thread of its own while its `with` block runs.

    The first call comes after the first wait. A call that raises is logged, and the next one comes all the same.
    """

    def __init__(self, name: str, seconds: float, call: Callable[[], None]) -> None:
        self._seconds = seconds
        self._call = call
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._over.wait(self._seconds):
            try:
                self._call()
            except Exception:
                logger.exception("tick_failed", ticker=self._thread.name)
