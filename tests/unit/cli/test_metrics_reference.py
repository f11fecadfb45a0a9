"""The documentation's metrics are the code's."""

from pathlib import Path

from services.cli.metrics_reference import markdown
from services.shared.telemetry.metrics import METRICS

ROOT = Path(__file__).parents[3]


def test_the_page_is_in_step() -> None:
    assert (ROOT / "docs" / "metrics.md").read_text() == markdown(), "run `make docs`"


def test_every_metric_is_on_it() -> None:
    assert [metric.name for metric in METRICS if f"`{metric.name}`" not in markdown()] == []
