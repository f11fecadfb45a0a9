"""Each request as a span: FastAPI makes it by itself, within the bounds that are set here."""

from collections.abc import MutableMapping
from typing import Any

from fastapi.telemetry import TelemetryConfig

from services.api.http.access import PROBES
from services.shared.ports import Tracer


def request_spans(tracer: Tracer) -> TelemetryConfig:
    """FastAPI's settings. It is to look at no global provider, send nothing itself, and note no user's words."""
    config: TelemetryConfig = {
        "tracing": tracer.provider is not None,
        "operation_spans": False,
        "metrics": False,
        "logs": False,
        "auto_configure": False,
        "exclude": _is_probe,
    }
    if tracer.provider is not None:
        config["tracer_provider"] = tracer.provider
    return config


def _is_probe(scope: MutableMapping[str, Any]) -> bool:
    return scope["path"] in PROBES
