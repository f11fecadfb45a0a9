"""Traces for OpenTelemetry, sent to a collector over OTLP."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from typing import Final

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Span as SdkSpan
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind as OtelKind
from opentelemetry.trace import StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from services.shared.ports.telemetry import EMPTY, Attributes, SpanKind
from services.shared.telemetry.metric import Process

_KINDS: Final = {"internal": OtelKind.INTERNAL, "client": OtelKind.CLIENT, "consumer": OtelKind.CONSUMER}
_HEADER: Final = "traceparent"
#: For one batch of spans to leave, retries and all; so long a process that stops waits for a collector at most.
_SECONDS: Final = 5.0


class OtelTracer:
    """`Tracer` with a provider of its own: nothing global is set. The SDK's own threads send in the background."""

    def __init__(self, process: Process, endpoint: str) -> None:
        """`endpoint` is the collector's, to which the path for traces is added."""
        resource = {
            "service.namespace": "timbre",
            "service.name": f"timbre-{process}",
            "service.version": version("timbre"),
            "service.instance.id": socket.gethostname(),
        }
        self.provider = TracerProvider(resource=Resource.create(resource), shutdown_on_exit=False)
        self.provider.add_span_processor(_HiddenQueries())
        exporter = OTLPSpanExporter(f"{endpoint.rstrip('/')}/v1/traces", timeout=_SECONDS)
        self.provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self.provider.get_tracer("timbre", version("timbre"))
        self._propagator = TraceContextTextMapPropagator()

    @contextmanager
    def span(
        self, name: str, *, kind: SpanKind = "internal", parent: str | None = None, attributes: Attributes = EMPTY
    ) -> Iterator["OtelSpan"]:
        started = self._tracer.start_as_current_span(
            name,
            self._context(parent),
            _KINDS[kind],
            attributes,
            record_exception=False,
            set_status_on_exception=False,
        )
        with started as span:
            try:
                yield OtelSpan(span)
            except BaseException as error:
                span.set_attribute("error.type", str(getattr(error, "type", type(error).__name__)))
                span.set_status(StatusCode.ERROR)
                raise

    def note(self, name: str, started: float, ended: float) -> None:
        self._tracer.start_span(name, start_time=_nanoseconds(started)).end(_nanoseconds(ended))

    def current(self) -> str | None:
        carrier: dict[str, str] = {}
        self._propagator.inject(carrier)
        return carrier.get(_HEADER)

    def close(self) -> None:
        self.provider.shutdown()

    def _context(self, parent: str | None) -> Context | None:
        return self._propagator.extract({_HEADER: parent}) if parent else None


class OtelSpan:
    """`Span` of OpenTelemetry's."""

    def __init__(self, span: trace.Span) -> None:
        self._span = span

    def set(self, attributes: Attributes) -> None:
        self._span.set_attributes(attributes)


class _HiddenQueries(SpanProcessor):
    """A URL's query is the client's own words."""

    def on_start(self, span: SdkSpan, parent_context: Context | None = None) -> None:
        if "url.query" in (span.attributes or {}):
            span.set_attribute("url.query", "[hidden]")


def _nanoseconds(seconds: float) -> int:
    return int(seconds * 1e9)
