"""Whatever a query, an alert or a dashboard names is shown by the process that is asked for it."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from prometheus_client.utils import floatToGoString

from services.shared.telemetry.metrics import METRICS
from tests.chart.monitoring import dashboards, expressions, rules
from tests.chart.rendering import ROOT, Rendered

NAME = re.compile(r"\btts_\w+\b")
PAGES = ("deploy.md", "observability.md", "operations.md")
#: In a page: a block of queries, or one in its line.
QUERY = re.compile(r"```promql\n(.*?)```|`((?=[^`\n]*[({])[^`\n]*tts_[^`\n]*)`", re.DOTALL)
#: A metric's selector: what stands in braces behind its name.
SELECTED = re.compile(r"\b(tts_\w+)\{([^}]*)\}")
BY = re.compile(r"\b(?:by|without) \(([^)]*)\)")
#: Labels that Prometheus and its operator add, and a histogram's.
ADDED = {"namespace", "pod", "instance", "app_kubernetes_io_instance", "timbre_pool", "le"}

KNOWN = {metric.name: metric for metric in METRICS}
SERIES = {f"{name}{suffix}": metric for name, metric in KNOWN.items() for suffix in ("_bucket", "_sum", "_count")}


def queries(examples: dict[str, Rendered]) -> Iterator[str]:
    for rendered in examples.values():
        for scaled in rendered.kind("ScaledObject"):
            yield from (trigger["metadata"]["query"] for trigger in scaled["spec"]["triggers"])
    yield from (rule["expr"] for rule in rules())
    for dashboard in dashboards().values():
        yield from expressions(dashboard)
    for page in PAGES:
        yield from ("".join(found) for found in QUERY.findall((ROOT / "docs" / page).read_text()))


def test_every_series_is_one_that_we_show(examples: dict[str, Rendered]) -> None:
    named = {name for query in queries(examples) for name in NAME.findall(query)}
    assert {name for name in named if not is_shown(name)} == set()
    assert len(named) > 20


def test_every_label_is_one_that_the_series_has(examples: dict[str, Rendered]) -> None:
    for query in queries(examples):
        for name, selector in SELECTED.findall(query):
            labels = set(re.findall(r"(\w+)=", selector))
            assert labels <= ADDED | set(metric(name).labels), query
            for bound in re.findall(r'le="([^"]+)"', selector):
                assert bound in map(floatToGoString, metric(name).buckets), query
        metrics = [metric(name) for name in NAME.findall(query)]
        grouped = {label.strip() for labels in BY.findall(query) for label in labels.split(",")}
        assert grouped <= ADDED.union(*(one.labels for one in metrics)), query


@pytest.mark.parametrize("page", PAGES)
def test_every_series_that_a_page_names_is_one_that_we_show(page: str) -> None:
    named = set(NAME.findall((ROOT / "docs" / page).read_text()))
    assert named
    assert {name for name in named if not (is_shown(name) or name in KNOWN)} == set()


def test_what_wakes_a_pool_at_zero_is_shown_without_it(examples: dict[str, Rendered]) -> None:
    for scaled in examples["gke-t4"].kind("ScaledObject"):
        (name,) = NAME.findall(scaled["spec"]["triggers"][0]["metadata"]["query"])
        assert metric(name).shown_by == ("control",)


def test_every_metric_is_on_a_dashboard() -> None:
    drawn = [expression for dashboard in dashboards().values() for expression in expressions(dashboard)]
    assert {metric(name).name for expression in drawn for name in NAME.findall(expression)} == KNOWN.keys()


def test_rules_and_dashboards_arrive_as_they_are(examples: dict[str, Rendered]) -> None:
    rendered = examples["gke-t4"]
    groups = rendered.find("PrometheusRule", "alerts")["spec"]["groups"]
    assert [rule for group in groups for rule in group["rules"]] == rules()
    config = rendered.find("ConfigMap", "dashboards")
    assert config["metadata"]["labels"]["grafana_dashboard"] == "1"
    assert {name: json.loads(text) for name, text in config["data"].items()} == dashboards()


def is_shown(name: str) -> bool:
    if name in SERIES:
        return SERIES[name].kind == "histogram"
    return name in KNOWN and KNOWN[name].kind != "histogram"


def metric(name: str) -> Any:
    return SERIES.get(name) or KNOWN[name]
