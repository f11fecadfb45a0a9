"""`timbre metrics`: every metric there is."""

from typing import Annotated

import typer
from rich.table import Table

from services.cli import console
from services.cli.metrics_reference import markdown
from services.shared.telemetry.metrics import METRICS


def metrics(
    as_markdown: Annotated[bool, typer.Option("--markdown", help="Print the documentation's page.")] = False,
) -> None:
    """List every metric with its type, its labels and its meaning."""
    if as_markdown:
        console.out.print(markdown(), markup=False, end="")
        return
    table = Table("metric", "type", "labels", "meaning", box=None, header_style="dim")
    for metric in METRICS:
        table.add_row(metric.name, metric.kind, ", ".join(metric.labels), metric.help)
    console.out.print(table, soft_wrap=False)
