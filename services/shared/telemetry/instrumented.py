"""A process's parts as its settings want them: counted, traced, both, or neither."""

from services.shared.parts import Parts
from services.shared.ports import Meter, Tracer
from services.shared.settings import Settings
from services.shared.telemetry.metric import Process
from services.shared.telemetry.observed import observed
from services.shared.telemetry.silent import SilentMeter, SilentTracer
from services.shared.telemetry.traced import traced


def instrumented(process: Process, parts: Parts, *, language: str | None = None) -> Parts:
    """`language` is what jobs are spoken in that name none."""
    counted = observed(parts, create_meter(process, parts.settings), language=language)
    return traced(counted, create_tracer(process, parts.settings))


# Who asks for neither pays for neither: the libraries are not even imported.


def create_meter(process: Process, settings: Settings) -> Meter:
    """What counts for this process: nothing, unless it has a port to show it on."""
    if settings.metrics_port(process) is None:
        return SilentMeter()
    from services.shared.adapters.prometheus_meter import PrometheusMeter  # noqa: PLC0415

    return PrometheusMeter(process, label_values=settings.metrics_label_values)


def create_tracer(process: Process, settings: Settings) -> Tracer:
    """What traces this process: nothing, unless there is a collector."""
    if settings.otel_exporter_otlp_endpoint is None:
        return SilentTracer()
    from services.shared.adapters.otel_tracer import OtelTracer  # noqa: PLC0415

    return OtelTracer(process, str(settings.otel_exporter_otlp_endpoint))
