"""Who listens to what the services tell of themselves."""

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from types import MappingProxyType
from typing import Any, Final, Literal, Protocol

from services.shared.telemetry.metric import Figure, Metric

SpanKind = Literal["internal", "client", "consumer"]
Attributes = Mapping[str, str | bool | int | float]
EMPTY: Final[Attributes] = MappingProxyType({})


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


class Span(Protocol):
    """A piece of work, from the entry of its `with` block to the end."""

    def set(self, attributes: Attributes) -> None:
        """Say more of it."""
        ...


class Tracer(Protocol):
    """Notes what was done for a request, by whom, and how long it took. Thread-safe, quick, and never raises."""

    @property
    def provider(self) -> Any:
        """OpenTelemetry's `TracerProvider`, for libraries that trace by themselves; None where nothing is traced."""
        ...

    def span(
        self, name: str, *, kind: SpanKind = "internal", parent: str | None = None, attributes: Attributes = EMPTY
    ) -> AbstractContextManager[Span]:
        """The span of what happens inside: a child of the current one, or of `parent`, another process's.

        Of an exception its type is noted, and nothing that it says; it passes.
        """
        ...

    def note(self, name: str, started: float, ended: float) -> None:
        """A child of the current span, of work that is over. Times are seconds since the epoch."""
        ...

    def current(self) -> str | None:
        """The current span as W3C's `traceparent`, for another process to go on from; None where there is none."""
        ...

    def close(self) -> None:
        """Let the last spans out, for a few seconds at most."""
        ...
