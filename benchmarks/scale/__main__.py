"""`python -m benchmarks.scale`: measure on real servers, simulate beyond, print tables, write JSON and a picture."""

import argparse
import json
import os
import signal
import sys
import tempfile
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from benchmarks.api.stack import running_stack
from benchmarks.engine import tables
from benchmarks.scale import plot, scenarios
from benchmarks.scale.ceilings import ceilings
from benchmarks.scale.costs import Costs
from benchmarks.scale.measured import Run, as_data, measure
from benchmarks.scale.scenarios import Outcome
from benchmarks.surroundings import machine
from services.shared.settings import Settings

_FLEETS: Final = (1, 2, 4)
_LEAD: Final[int] = Settings.model_fields["queue_lead"].default


def main() -> None:
    arguments = _parser().parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that what was started is stopped
    report: dict[str, Any] = {"started_at": datetime.now(UTC).isoformat(timespec="seconds")}
    report["machine"] = {**machine(), "load_average": os.getloadavg()}
    with tempfile.TemporaryDirectory(prefix="timbre-bench-") as scratch, running_stack(Path(scratch)) as stack:
        costs, runs = measure(stack, _FLEETS[:2] if arguments.quick else _FLEETS, 10 if arguments.quick else 40)
    report["costs"], report["real"] = asdict(costs), as_data(runs)
    outcomes = _simulate(costs, runs)
    for outcome in outcomes.values():
        tables.draw(outcome.table)
    report["simulated"] = {name: outcome.data for name, outcome in outcomes.items()}
    _save(report, arguments.out)


def _simulate(costs: Costs, runs: list[Run]) -> dict[str, Outcome]:
    return {
        "calibration": scenarios.calibration(costs, runs, _LEAD),
        "linear": scenarios.linear(costs, _LEAD),
        "bursts": scenarios.bursts(costs, _LEAD),
        "flood": scenarios.flood(costs, _LEAD),
        "priorities": scenarios.priorities(costs, _LEAD),
        "from_zero": scenarios.from_zero(costs, _LEAD),
        "ceilings": ceilings(costs),
    }


def _save(report: dict[str, Any], out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    written = out / "scale.json"
    written.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    plot.draw(report, out / "scale.png")
    print(f"\nFigures: {written}, {out / 'scale.png'}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale", description="How the platform scales.")
    parser.add_argument("--quick", action="store_true", help="measure little, to see that it works")
    parser.add_argument("--out", type=Path, default=Path("out/benchmarks"), help="folder for the JSON and the picture")
    return parser


if __name__ == "__main__":
    main()
