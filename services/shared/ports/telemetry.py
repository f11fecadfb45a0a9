"""Who listens to what the services tell of themselves."""

from collections.abc import Callable, Iterable
from typing import Protocol

from services.shared.telemetry.metric import Figure, Metric


class Meter(Protocol):
    """Takes the figures that operators see. Thread-safe, quick, and never raises."""

    def count(self, metric: Metric, amount: float = 1.0, /, **labels: str) -> None:
        """Add to a counter, or to a gauge, which `amount` may also take from."""
        ...

    def observe(self, metric: Metric, value: float, /, **labels: str) -> None:
        """One more value of a histogram."""
        ...

    def on_scrape(self, read: Callable[[], Iterable[Figure]]) -> None:
        """Ask `read` whenever somebody looks, for what is not counted but read off. What it raises hides its own."""
        ...

    def exposition(self, accept: str = "") -> tuple[bytes, str]:
        """All figures in a form that `accept` allows, and its content type."""
        ...
