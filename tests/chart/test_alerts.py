"""The alerts: by `promtool`, each with series that set it off and others that do not; and each with its runbook."""

import re
import subprocess
from collections.abc import Iterator
from itertools import groupby

import pytest
import yaml

from deploy.helm import reference
from services.shared.settings import Settings
from tests.chart.monitoring import ALERTS, Object, alerts, dashboards, panels, rules
from tests.chart.rendering import CHART, ROOT, ChartRenderer
from tests.prometheus import binary

CASES = ALERTS.with_name("alerts_test.yml")
RUNBOOKS = "docs/runbooks.md"
VALUES = CHART / "values.yaml"
RECORDED = re.compile(r"\bnamespace:\w+:\w+")


@pytest.mark.parametrize(
    "words",
    [
        ["check", "rules", "--lint-fatal", str(ALERTS)],
        ["check", "config", "--lint-fatal", str(ALERTS.with_name("prometheus.yml"))],
        ["test", "rules", str(CASES)],
    ],
    ids=" ".join,
)
def test_promtool_has_nothing_to_complain_of(words: list[str]) -> None:
    command = [binary("promtool"), *words]
    result = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert result.returncode == 0, result.stdout + result.stderr


def test_each_alert_has_series_that_set_it_off_and_others_that_do_not() -> None:
    def alert(case: Object) -> str:
        return str(case["name"]).partition(":")[0]

    tried = {name: list(cases) for name, cases in groupby(yaml.safe_load(CASES.read_text())["tests"], key=alert)}
    assert list(tried) == [rule["alert"] for rule in alerts()]
    for name, cases in tried.items():
        assert any(_namespaces(case) - _loud(case) for case in cases), f"nothing stays quiet: {name}"
        for case in cases:
            assert any(check["exp_samples"] for check in case["promql_expr_test"]), f"nothing is set off: {name}"


def _namespaces(case: Object) -> set[str]:
    return {re.findall(r'namespace="([^"]+)"', one["series"])[0] for one in case.get("input_series", [])}


def _loud(case: Object) -> set[str]:
    samples = [sample["labels"] for check in case["promql_expr_test"] for sample in check["exp_samples"]]
    return {name for labels in samples for name in re.findall(r'namespace="([^"]+)"', labels)}


def test_what_alerts_take_from_other_rules_is_recorded() -> None:
    recorded = [rule["record"] for rule in rules() if "record" in rule]
    named = {name for rule in alerts() for name in RECORDED.findall(rule["expr"])}
    assert named == set(recorded)
    assert len(recorded) == len(named)


@pytest.mark.parametrize("rule", alerts(), ids=lambda rule: rule["alert"])
def test_an_alert_says_how_bad_it_is_and_where_it_is_told_what_to_do(rule: Object) -> None:
    assert rule["labels"]["severity"] in ("critical", "warning")
    assert rule["annotations"].keys() == {"summary", "description", "runbook_url"}
    assert rule["annotations"]["runbook_url"] == f"{RUNBOOKS}#{rule['alert'].lower()}"


def test_every_alert_has_its_runbook_and_every_runbook_its_alert() -> None:
    text = (ROOT / RUNBOOKS).read_text()
    assert re.findall(r"^## (\w+)$", text, re.MULTILINE) == [rule["alert"] for rule in alerts()]
    for name, runbook in re.findall(r"^## (\w+)\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL):
        assert re.findall(r"^\*\*(.+?)\.\*\*", runbook, re.MULTILINE) == ["Means", "Look at", "Do"], name


def test_runbooks_name_panels_settings_and_values_that_there_are() -> None:
    text = (ROOT / RUNBOOKS).read_text()
    drawn = {panel["title"] for dashboard in dashboards().values() for panel in panels(dashboard)}
    titles = {dashboard["title"] for dashboard in dashboards().values()}
    assert set(re.findall(r"(?<!\*)\*([^*]+)\*(?!\*)", text)) <= drawn | titles
    named = set(re.findall(r"`([A-Z]+(?:_[A-Z]+)+)`", text))
    assert {name for name in named if name.lower() not in Settings.model_fields} == set()
    values = {".".join(one.path) for group in reference.read_values(VALUES.read_text()) for one in _all(group)}
    assert set(re.findall(r"`((?:worker|networkPolicy|monitoring)\.[\w.]+)`", text)) <= values


def _all(value: reference.Value) -> Iterator[reference.Value]:
    yield value
    for child in value.children:
        yield from _all(child)


def test_runbooks_are_linked_to_where_they_can_be_read(helm: ChartRenderer) -> None:
    there = "https://wiki.example.com/timbre"
    rendered = helm.render({"monitoring": {"rules": {"enabled": True, "runbooks": there}}})
    groups = rendered.find("PrometheusRule", "alerts")["spec"]["groups"]
    links = [rule["annotations"]["runbook_url"] for group in groups for rule in group["rules"] if "alert" in rule]
    assert links == [f"{there}#{rule['alert'].lower()}" for rule in alerts()]
