"""The dashboards' form: what Grafana needs to load them, and what a reader needs to understand them."""

import re
from itertools import combinations

import pytest

from services.shared.telemetry.metrics import METRICS
from tests.chart.monitoring import Object, dashboards, panels

DASHBOARDS = dashboards()
SOURCE = {"type": "prometheus", "uid": "${source}"}
#: Ids of Grafana's units; another is shown as it stands.
UNITS = {"short", "none", "s", "reqps", "ops", "percentunit", "bytes"}
TYPES = {"timeseries", "stat", "table"}
#: Those that Grafana has by itself.
BUILT_IN = {"__rate_interval", "__range"}
LABELS = {metric.name: set(metric.labels) for metric in METRICS}

each = pytest.mark.parametrize("dashboard", DASHBOARDS.values(), ids=list(DASHBOARDS))


def test_there_are_three_and_each_leads_to_the_others() -> None:
    assert list(DASHBOARDS) == ["overview.json", "tenants.json", "workers.json"]
    assert len({one["uid"] for one in DASHBOARDS.values()}) == len(DASHBOARDS)
    for one in DASHBOARDS.values():
        (link,) = one["links"]
        assert link["type"] == "dashboards"
        assert set(link["tags"]) <= set(one["tags"])


@each
def test_whoever_loads_it_chooses_the_source_of_its_data(dashboard: Object) -> None:
    source, *others = dashboard["templating"]["list"]
    assert (source["name"], source["type"], source["query"]) == ("source", "datasource", "prometheus")
    assert [one["datasource"] for one in (*panels(dashboard), *others)] == [SOURCE] * (
        len(panels(dashboard)) + len(others)
    )


@each
def test_its_variables_are_labels_that_there_are(dashboard: Object) -> None:
    _, *variables = dashboard["templating"]["list"]
    for variable in variables:
        asked = re.fullmatch(r"label_values\((\w+)(?:\{[^}]*\})?, (\w+)\)", variable["query"]["query"])
        assert asked is not None
        assert asked[2] in LABELS[asked[1]] | {"namespace"}
    named = {one["name"] for one in variables}
    for panel in panels(dashboard):
        for target in panel["targets"]:
            assert set(re.findall(r"\$(\w+)", target["expr"])) - BUILT_IN <= named
            assert "$namespace" in target["expr"]


@each
def test_ids_are_unique(dashboard: Object) -> None:
    ids = [panel["id"] for panel in dashboard["panels"]]
    assert len(set(ids)) == len(ids)
    for panel in panels(dashboard):
        references = [target["refId"] for target in panel["targets"]]
        assert len(set(references)) == len(references) > 0


@each
def test_every_panel_says_what_it_shows_and_in_which_unit(dashboard: Object) -> None:
    for panel in panels(dashboard):
        assert panel["type"] in TYPES
        assert panel["title"]
        assert panel["description"].endswith(".")
        assert panel["fieldConfig"]["defaults"]["unit"] in UNITS


@each
def test_a_legend_names_labels_that_the_query_keeps(dashboard: Object) -> None:
    for panel in panels(dashboard):
        for target in panel["targets"]:
            shown = set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]))
            kept = re.findall(r"\bby \(([^)]*)\)", target["expr"])
            if kept:
                assert shown <= {label.strip() for labels in kept for label in labels.split(",")}, target["expr"]


@each
def test_no_panel_lies_over_another_or_beyond_the_edge(dashboard: Object) -> None:
    places = [panel["gridPos"] for panel in dashboard["panels"]]
    assert all(place["x"] + place["w"] <= 24 for place in places)
    for one, other in combinations(places, 2):
        beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        below = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
        assert beside or below
