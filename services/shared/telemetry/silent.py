"""Telemetry that is off."""

from collections.abc import Callable, Iterable

from services.shared.telemetry.metric import Figure, Metric


class SilentMeter:
    """`Meter` that nobody looks at."""

    def count(self, metric: Metric, amount: float = 1.0, /, **labels: str) -> None: ...

    def observe(self, metric: Metric, value: float, /, **labels: str) -> None: ...

    def on_scrape(self, read: Callable[[], Iterable[Figure]]) -> None: ...

    def exposition(self, accept: str = "") -> tuple[bytes, str]:
        return b"", "text/plain"
