"""`PaceKeeper` in memory."""

import threading

from services.shared.errors import JobStoreUnavailable
from services.shared.pace import LATEST_SHARE
from services.shared.ports import Pace


class MemoryPaceKeeper:
    """`PaceKeeper` in a field."""

    def __init__(self) -> None:
        self.down = False
        self._pace: Pace | None = None
        self._lock = threading.Lock()

    def note(self, seconds: float, workload: float) -> None:
        self._answer()
        with self._lock:
            was = self._pace or Pace(seconds, workload)
            self._pace = Pace(_moved(was.seconds, seconds), _moved(was.workload, workload))

    def pace(self) -> Pace | None:
        self._answer()
        return self._pace

    def _answer(self) -> None:
        if self.down:
            raise JobStoreUnavailable("The job store does not answer.")


def _moved(average: float, latest: float) -> float:
    return average + LATEST_SHARE * (latest - average)
