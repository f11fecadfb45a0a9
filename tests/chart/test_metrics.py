"""Whatever a query, an alert or a dashboard names is shown by the process that is asked for it."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from services.shared.telemetry.metrics import METRICS
from tests.chart.rendering import ROOT, Rendered

NAME = re.compile(r"\btts_\w+\b")
#: A metric's selector: what stands in braces behind its name.
SELECTED = re.compile(r"\b(tts_\w+)\{([^}]*)\}")
BY = re.compile(r"\b(?:by|without) \(([^)]*)\)")
#: Labels that Prometheus and its operator add, and a histogram's.
ADDED = {"namespace", "pod", "instance", "app_kubernetes_io_instance", "timbre_pool", "le"}

KNOWN = {metric.name: metric for metric in METRICS}
SERIES = {f"{name}{suffix}": metric for name, metric in KNOWN.items() for suffix in ("_bucket", "_sum", "_count")}


def alerts() -> list[dict[str, Any]]:
    groups = yaml.safe_load((ROOT / "deploy/prometheus/alerts.yml").read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def panels() -> list[dict[str, Any]]:
    dashboards = (ROOT / "deploy/grafana/dashboards").glob("*.json")
    return [panel for path in dashboards for panel in json.loads(path.read_text())["panels"] if panel["type"] != "row"]


def queries(examples: dict[str, Rendered]) -> Iterator[str]:
    for rendered in examples.values():
        for scaled in rendered.kind("ScaledObject"):
            yield from (trigger["metadata"]["query"] for trigger in scaled["spec"]["triggers"])
    yield from (rule["expr"] for rule in alerts())
    yield from (target["expr"] for panel in panels() for target in panel["targets"])


def test_every_series_is_one_that_we_show(examples: dict[str, Rendered]) -> None:
    named = {name for query in queries(examples) for name in NAME.findall(query)}
    assert {name for name in named if not is_shown(name)} == set()
    assert len(named) > 20


def test_every_label_is_one_that_the_series_has(examples: dict[str, Rendered]) -> None:
    for query in queries(examples):
        for name, selector in SELECTED.findall(query):
            labels = set(re.findall(r"(\w+)=", selector))
            assert labels <= ADDED | set(metric(name).labels), query
        metrics = [metric(name) for name in NAME.findall(query)]
        grouped = {label.strip() for labels in BY.findall(query) for label in labels.split(",")}
        assert grouped <= ADDED.union(*(one.labels for one in metrics)), query


def test_what_wakes_a_pool_at_zero_is_shown_without_it(examples: dict[str, Rendered]) -> None:
    for scaled in examples["gke-t4"].kind("ScaledObject"):
        (name,) = NAME.findall(scaled["spec"]["triggers"][0]["metadata"]["query"])
        assert metric(name).shown_by == ("control",)


def test_every_metric_is_on_a_dashboard() -> None:
    shown = {
        metric(name).name for panel in panels() for target in panel["targets"] for name in NAME.findall(target["expr"])
    }
    assert set(KNOWN) - shown == UNDRAWN


#: Which a picture over time says nothing of.
UNDRAWN = {"tts_worker_info", "tts_worker_slots", "tts_webhook_duration_seconds", "tts_model_disk_size_bytes"}


def test_rules_and_dashboards_arrive_as_they_are(examples: dict[str, Rendered]) -> None:
    rendered = examples["gke-t4"]
    assert [
        rule for group in rendered.find("PrometheusRule", "alerts")["spec"]["groups"] for rule in group["rules"]
    ] == alerts()
    config = rendered.find("ConfigMap", "dashboards")
    assert config["metadata"]["labels"]["grafana_dashboard"] == "1"
    assert json.loads(config["data"]["timbre.json"])["title"] == "Timbre"


@pytest.mark.parametrize("rule", alerts(), ids=lambda rule: rule["alert"])
def test_an_alert_says_how_bad_it_is_and_what_to_do(rule: dict[str, Any]) -> None:
    assert rule["labels"]["severity"] in ("critical", "warning")
    assert rule["annotations"].keys() == {"summary", "description"}


def test_dashboards_lay_no_panel_over_another() -> None:
    taken = {(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in panels()}
    assert len(taken) == len(panels())


def is_shown(name: str) -> bool:
    if name in SERIES:
        return SERIES[name].kind == "histogram"
    return name in KNOWN and KNOWN[name].kind != "histogram"


def metric(name: str) -> Any:
    return SERIES.get(name) or KNOWN[name]
