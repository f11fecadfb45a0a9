"""The figures as a picture: latency with peers and limit, and throughput by clients."""

from pathlib import Path
from typing import Any

from benchmarks.engine.spread import percentile

_COLORS = ("#1f6feb", "#8ab8f5", "#777777", "#bbbbbb")


def draw(parts: dict[str, Any], path: Path) -> str | None:
    """Write the PNG; what keeps it from being drawn, if anything does."""
    shown = [name for name in ("latency", "throughput") if "unavailable" not in parts.get(name, {"unavailable": ""})]
    if not shown:
        return "No plot: it shows latency and throughput, and neither was measured."
    try:
        import matplotlib as mpl  # noqa: PLC0415 - optional
    except ImportError:
        return "No plot: it needs matplotlib (pip install matplotlib)."
    mpl.use("Agg")
    import matplotlib.pyplot as plt  # noqa: PLC0415 - after the choice of a backend without a screen

    panels = sum(1 if name == "latency" else 3 for name in shown)
    figure, axes = plt.subplots(1, panels, figsize=(5.5 * panels, 4.5), squeeze=False, layout="constrained")
    free = list(axes[0])
    if "latency" in shown:
        _latency(free.pop(0), parts["latency"])
    if "throughput" in shown:
        for axis, name in zip(free, ("short", "mixed", "long"), strict=True):
            _throughput(axis, parts["throughput"], name)
    figure.savefig(path, dpi=130)
    plt.close(figure)
    return None


def _latency(axis: Any, data: dict[str, Any]) -> None:
    cells = data["requests"]
    peers = list(dict.fromkeys(cell["peer"] for cell in cells))
    steps = list(dict.fromkeys(cell["nfe_step"] for cell in cells))
    width = 0.8 / len(peers)
    for index, peer in enumerate(peers):
        mine = [cell for cell in cells if cell["peer"] == peer]
        places = [place + (index - (len(peers) - 1) / 2) * width for place in range(len(steps))]
        medians = [percentile(cell["seconds"], 50) for cell in mine]
        below = [median - min(cell["seconds"]) for median, cell in zip(medians, mine, strict=True)]
        above = [max(cell["seconds"]) - median for median, cell in zip(medians, mine, strict=True)]
        axis.bar(places, medians, width, label=peer, color=_COLORS[index % len(_COLORS)], yerr=[below, above])
    for place, nfe_step in enumerate(steps):
        limit = min(cell["limit_seconds"] for cell in cells if cell["nfe_step"] == nfe_step)
        label = "the limit: bf16 matrix products alone" if not place else None
        axis.hlines(limit, place - 0.45, place + 0.45, colors="#d1242f", label=label)
    axis.set_yscale("log")
    axis.set_xticks(range(len(steps)), [f"NFE {step}" for step in steps])
    axis.set_ylabel("seconds a request")
    axis.set_title(f"Latency, {data['size']} size, {data['frames']} frames")
    axis.legend(fontsize="small")


def _throughput(axis: Any, data: dict[str, Any], name: str) -> None:
    cells = [cell for cell in data["cells"] if cell["workload"] == name]
    for index, mode in enumerate(dict.fromkeys(cell["mode"] for cell in cells)):
        mine = [cell for cell in cells if cell["mode"] == mode]
        clients = [cell["clients"] for cell in mine]
        speeds = [percentile([run["speech_seconds_a_second"] for run in cell["runs"]], 50) for cell in mine]
        axis.plot(clients, speeds, marker="o", label=mode, color=_COLORS[index % len(_COLORS)])
    axis.set_xscale("log", base=2)
    axis.set_ylim(bottom=0)
    axis.set_xticks(
        sorted({cell["clients"] for cell in cells}), sorted({str(cell["clients"]) for cell in cells}, key=int)
    )
    axis.set_xlabel("clients")
    axis.set_ylabel("seconds of speech a second")
    axis.set_title(f"Throughput, {name} texts, {data['size']} size, NFE {data['nfe_step']}")
    axis.legend(fontsize="small")
