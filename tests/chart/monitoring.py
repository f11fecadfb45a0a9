"""The rules and dashboards, as their files have them."""

import json
from typing import Any

import yaml

from tests.chart.rendering import ROOT

ALERTS = ROOT / "deploy/prometheus/alerts.yml"
DASHBOARDS = ROOT / "deploy/grafana/dashboards"

Object = dict[str, Any]


def rules() -> list[Object]:
    return [rule for group in yaml.safe_load(ALERTS.read_text())["groups"] for rule in group["rules"]]


def alerts() -> list[Object]:
    return [rule for rule in rules() if "alert" in rule]


def dashboards() -> dict[str, Object]:
    """By their files' names."""
    return {path.name: json.loads(path.read_text()) for path in sorted(DASHBOARDS.glob("*.json"))}


def panels(dashboard: Object) -> list[Object]:
    """Those that draw something."""
    return [panel for panel in dashboard["panels"] if panel["type"] != "row"]


def expressions(dashboard: Object) -> list[str]:
    return [target["expr"] for panel in panels(dashboard) for target in panel["targets"]]
