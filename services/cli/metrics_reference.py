"""Every metric, as the documentation's page tells of it."""

from typing import Final

from services.shared.telemetry.metric import CAPPED_LABELS, Metric
from services.shared.telemetry.metrics import METRICS

_HEAD: Final = """\
# Metrics

<!-- Made by `timbre metrics --markdown`; a test holds it in step with the code. -->

Each process shows what it counts on a port of its own, in Prometheus's format, once its port is set: \
`API_METRICS_PORT`, `WORKER_METRICS_PORT`, `CONTROL_METRICS_PORT`. [Observability](observability.md) tells how to \
scrape them, and what to ask of them.
"""
_TITLES: Final = {
    "api": "Shown by the API",
    "worker": "Shown by workers",
    "control": "Shown by control",
}


def markdown() -> str:
    """The reference page: a table for each process. A metric that several processes show is in each of theirs."""
    lines = [_HEAD]
    for process, title in _TITLES.items():
        lines += [f"## {title}", "", "| Metric | Type | Labels | Meaning |", "|---|---|---|---|"]
        lines += [_row(metric) for metric in METRICS if process in metric.shown_by]
        lines.append("")
    lines.append(
        f"Of {', '.join(f'`{label}`' for label in sorted(CAPPED_LABELS))} each process tells the first "
        "`METRICS_LABEL_VALUES` apart; the rest are `other`. Beside these, each shows the usual `process_` metrics: "
        "memory, processor time, open files, start."
    )
    return "\n".join(lines) + "\n"


def _row(metric: Metric) -> str:
    labels = ", ".join(f"`{label}`" for label in metric.labels)
    return f"| `{metric.name}` | {metric.kind} | {labels} | {metric.help} |"
