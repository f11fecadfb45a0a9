"""A collector of traces on loopback: takes OTLP over HTTP, and remembers every span."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

from services.shared.ports import Tracer
from tests.receiver import Receiver, answer, receiving


@dataclass(frozen=True)
class Seen:
    """A span as it arrived."""

    service: str
    name: str
    trace_id: str
    span_id: str
    #: Empty: it is the trace's first.
    parent_id: str
    started: float
    ended: float
    attributes: dict[str, object]
    failed: bool


class Collector:
    def __init__(self, receiver: Receiver) -> None:
        self._receiver = receiver
        self.url = receiver.url

    @property
    def bodies(self) -> list[bytes]:
        return [request.body for request in self._receiver.received]

    def spans(self) -> list[Seen]:
        """All that arrived so far."""
        return [seen for body in self.bodies for seen in _spans(ExportTraceServiceRequest.FromString(body))]

    def by_name(self, tracer: Tracer) -> dict[str, Seen]:
        """All spans of this tracer that are over, by their names."""
        tracer.provider.force_flush()
        return {span.name: span for span in self.spans()}

    def trace(self, trace_id: str) -> list[Seen]:
        return [span for span in self.spans() if span.trace_id == trace_id]


@contextmanager
def collecting() -> Iterator[Collector]:
    with receiving() as receiver:
        receiver.answers = [answer(200)]
        yield Collector(receiver)


def tree(spans: list[Seen]) -> dict[str, set[str]]:
    """Each span's name, with its service, and the names of its children."""
    return {
        f"{span.service}: {span.name}": {child.name for child in spans if child.parent_id == span.span_id}
        for span in spans
    }


def _spans(request: ExportTraceServiceRequest) -> Iterator[Seen]:
    for resource in request.resource_spans:
        service = str(_values(resource.resource.attributes)["service.name"])
        for span in (span for scope in resource.scope_spans for span in scope.spans):
            yield Seen(
                service=service,
                name=span.name,
                trace_id=span.trace_id.hex(),
                span_id=span.span_id.hex(),
                parent_id=span.parent_span_id.hex(),
                started=span.start_time_unix_nano / 1e9,
                ended=span.end_time_unix_nano / 1e9,
                attributes=_values(span.attributes),
                failed=span.status.code == span.status.STATUS_CODE_ERROR,
            )


def _values(attributes: "list[KeyValue]") -> dict[str, object]:
    return {attribute.key: _value(attribute.value) for attribute in attributes}


def _value(value: AnyValue) -> object:
    return getattr(value, value.WhichOneof("value") or "string_value")
