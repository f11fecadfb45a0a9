"""Figures for Prometheus, in this process's memory."""

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, disable_created_metrics
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics import MetricWrapperBase
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from services.shared.telemetry.metric import CAPPED_LABELS, OTHER, Figure, Metric, Process
from services.shared.telemetry.metrics import METRICS

logger = structlog.get_logger(__name__)

_FAMILIES = {"counter": CounterMetricFamily, "gauge": GaugeMetricFamily}


class PrometheusMeter:
    """`Meter` with a registry of its own. Of a label that clients make up, the first `label_values` are told apart."""

    def __init__(self, process: Process, *, label_values: int) -> None:
        # A second series for each, of when it began: nobody asks, and all pay.
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self._registry = CollectorRegistry()
        self._label_values = label_values
        self._seen: dict[str, set[str]] = {label: set() for label in CAPPED_LABELS}
        self._lock = threading.Lock()
        self._families: dict[str, MetricWrapperBase] = {}
        ProcessCollector(registry=self._registry)
        for metric in METRICS:
            # Those without labels are there from the start: a rate needs the 0 before the first.
            if process in metric.shown_by and not metric.labels and not metric.read:
                self._family(metric)

    def count(self, metric: Metric, amount: float = 1.0, /, **labels: str) -> None:
        self._child(metric, labels).inc(amount)

    def observe(self, metric: Metric, value: float, /, **labels: str) -> None:
        self._child(metric, labels).observe(value)

    def on_scrape(self, read: Callable[[], Iterable[Figure]]) -> None:
        self._registry.register(_Reader(read))

    def exposition(self, accept: str = "") -> tuple[bytes, str]:
        encode, content_type = choose_encoder(accept)
        return encode(self._registry), content_type

    def _child(self, metric: Metric, labels: Mapping[str, str]) -> Any:
        family = self._family(metric)
        if not metric.labels:
            return family
        return family.labels(**{label: self._capped(label, labels[label]) for label in metric.labels})

    def _family(self, metric: Metric) -> MetricWrapperBase:
        with self._lock:
            if metric.name not in self._families:
                self._families[metric.name] = self._create(metric)
            return self._families[metric.name]

    def _create(self, metric: Metric) -> MetricWrapperBase:
        common: dict[str, Any] = {"labelnames": metric.labels, "registry": self._registry}
        match metric.kind:
            case "histogram":
                return Histogram(metric.name, metric.help, buckets=metric.buckets, **common)
            case "counter":
                return Counter(metric.name, metric.help, **common)
            case "gauge":
                return Gauge(metric.name, metric.help, **common)

    def _capped(self, label: str, value: str) -> str:
        if label not in CAPPED_LABELS:
            return value
        with self._lock:
            seen = self._seen[label]
            if value not in seen and len(seen) < self._label_values:
                seen.add(value)
            return value if value in seen else OTHER


class _Reader(Collector):
    """Families of figures that are read when somebody looks."""

    def __init__(self, read: Callable[[], Iterable[Figure]]) -> None:
        self._read = read

    def collect(self) -> Iterator[CounterMetricFamily | GaugeMetricFamily]:
        try:
            figures = list(self._read())
        except Exception:
            logger.exception("figures_unread")
            return
        for metric in dict.fromkeys(figure.metric for figure in figures):
            family = _FAMILIES[metric.kind](metric.name, metric.help, labels=metric.labels)
            for figure in figures:
                if figure.metric == metric:
                    family.add_metric([figure.labels[label] for label in metric.labels], figure.value)
            yield family

    def describe(self) -> list[CounterMetricFamily | GaugeMetricFamily]:
        """Nothing: to be registered is no reason to be read."""
        return []
