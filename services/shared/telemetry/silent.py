"""Telemetry that is off."""

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext

from services.shared.ports.telemetry import EMPTY, Attributes, Span, SpanKind
from services.shared.telemetry.metric import Figure, Metric


class SilentMeter:
    """`Meter` that nobody looks at."""

    def count(self, metric: Metric, amount: float = 1.0, /, **labels: str) -> None: ...

    def observe(self, metric: Metric, value: float, /, **labels: str) -> None: ...

    def on_scrape(self, read: Callable[[], Iterable[Figure]]) -> None: ...

    def exposition(self, accept: str = "") -> tuple[bytes, str]:
        return b"", "text/plain"


class SilentSpan:
    """`Span` that nobody looks at."""

    def set(self, attributes: Attributes) -> None: ...


class SilentTracer:
    """`Tracer` that nobody listens to."""

    provider = None

    def span(
        self, name: str, *, kind: SpanKind = "internal", parent: str | None = None, attributes: Attributes = EMPTY
    ) -> AbstractContextManager[Span]:
        return nullcontext(SilentSpan())

    def note(self, name: str, started: float, ended: float) -> None: ...

    def current(self) -> str | None:
        return None

    def close(self) -> None: ...
