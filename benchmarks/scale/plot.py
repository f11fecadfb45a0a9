"""The report as a picture: throughput by workers, and how long whom a flood lets wait."""

from pathlib import Path
from typing import Any


def draw(report: dict[str, Any], path: Path) -> None:
    import matplotlib as mpl  # noqa: PLC0415 (slow to import, and only drawn with)

    mpl.use("Agg")
    from matplotlib import pyplot as plt  # noqa: PLC0415 (after the choice of backend)

    figure, (left, middle, right) = plt.subplots(1, 3, figsize=(16, 4.5), layout="constrained")
    _throughput(left, report)
    _waits(middle, "Waiting beside a flood", report["simulated"]["flood"])
    _waits(right, "Waiting from zero workers", report["simulated"]["from_zero"])
    figure.savefig(path, dpi=130)
    plt.close(figure)


def _throughput(axis: Any, report: dict[str, Any]) -> None:
    rates = report["simulated"]["linear"]["jobs_a_second"]
    workers = list(rates)
    axis.plot(workers, [rates[workers[0]] / workers[0] * n for n in workers], color="#bbbbbb", label="linear")
    axis.plot(workers, list(rates.values()), marker="o", color="#1f6feb", label="simulated")
    axis.set_xscale("log", base=2)
    axis.set_yscale("log", base=2)
    axis.set_xlabel("workers")
    axis.set_ylabel("jobs a second")
    axis.set_title("Throughput")
    axis.legend()


def _waits(axis: Any, title: str, groups: dict[str, dict[str, float]]) -> None:
    places = range(len(groups))
    axis.barh(places, [group["p99"] for group in groups.values()], color="#8ab8f5", label="P99")
    axis.barh(places, [group["p50"] for group in groups.values()], color="#1f6feb", label="median")
    axis.set_yticks(places, list(groups))
    axis.invert_yaxis()
    axis.set_xlabel("seconds from submission to the work's beginning")
    axis.set_title(title)
    axis.legend()
