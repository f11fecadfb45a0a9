"""What the processes tell of themselves."""

from typing import Annotated, Literal

from pydantic import Field, HttpUrl, field_validator

from services.shared.settings.section import Section
from services.shared.telemetry.metric import Process

LogLevel = Literal["debug", "info", "warning", "error"]
MetricsPort = Annotated[int, Field(ge=0, le=65_535)] | None


class TelemetrySettings(Section):
    """Logs, figures and traces."""

    TITLE = "telemetry"

    #: `debug`, `info`, `warning` or `error`.
    log_level: LogLevel = "info"
    #: Address that the ports for figures listen on. What they tell of tenants they tell everybody who reaches them.
    metrics_host: str = "127.0.0.1"
    #: Port for the API's figures (`/metrics`), which the clients' port does not show. 0: any, see the log; unset: none.
    api_metrics_port: MetricsPort = None
    #: The same for the worker's, with `/healthz` and `/readyz`. Workers on one host need one each.
    worker_metrics_port: MetricsPort = None
    #: The same for those of the control process.
    control_metrics_port: MetricsPort = None
    #: Where traces go: a collector that takes OTLP over HTTP, such as http://127.0.0.1:4318; unset: nothing is traced.
    #: OpenTelemetry's other variables hold too, as OTEL_TRACES_SAMPLER and OTEL_EXPORTER_OTLP_HEADERS.
    otel_exporter_otlp_endpoint: HttpUrl | None = None
    #: Tenants, voices and languages that figures tell apart, of each so many; the rest are `other`. 0: all are.
    metrics_label_values: Annotated[int, Field(ge=0, le=10_000)] = 100

    def metrics_port(self, process: Process) -> int | None:
        """None: the process shows no figures."""
        ports = {"api": self.api_metrics_port, "worker": self.worker_metrics_port, "control": self.control_metrics_port}
        return ports[process]

    @field_validator("otel_exporter_otlp_endpoint")
    @classmethod
    def _check_collector(cls, url: HttpUrl | None) -> HttpUrl | None:
        if url is not None and (url.username or url.password or url.query):
            raise ValueError("expected http(s)://host:port alone; credentials go into OTEL_EXPORTER_OTLP_HEADERS")
        return url
