"""Seconds by stage of one request."""

from time import perf_counter


class Stopwatch:
    """Runs from its making. Stages follow each other: each lap ends one."""

    def __init__(self) -> None:
        self._started = self._lapped = perf_counter()
        self._stages: dict[str, float] = {}

    def lap(self, stage: str) -> None:
        """What happened since the last lap was `stage`."""
        now = perf_counter()
        self._stages[stage] = now - self._lapped
        self._lapped = now

    def timings(self, **more: float) -> dict[str, float]:
        """The stages, whatever else was measured, and the total."""
        return {**self._stages, **more, "total": perf_counter() - self._started}
