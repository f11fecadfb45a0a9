"""`python -m benchmarks.engine --device cpu|cuda`: measure, print tables, write JSON and a plot."""

import argparse
import importlib
import json
import tempfile
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from typing import Any, Final

import torch

from benchmarks.choices import among
from benchmarks.engine import plot, tables
from benchmarks.engine.machine import describe_machine
from benchmarks.engine.parts import Options, PartUnavailable
from f5_tts_core.threads import all_threads, compute_alone

#: Modules of this package with a function `measure`, in the order in which they run.
PARTS: Final = {
    "latency": "latency",
    "profile": "profile",
    "kernels": "kernels",
    "throughput": "throughput",
    "arrivals": "arrivals",
    "overhead": "overhead",
    "first-audio": "first_audio",
    "cold-start": "cold_start",
    "installed": "installed",
    "steadiness": "steadiness",
    "drift": "drift",
}


def main() -> None:
    arguments = _parser().parse_args()
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    compute_alone()  # What is measured has the others, each part and peer by itself.
    with tempfile.TemporaryDirectory(prefix="timbre-bench-") as scratch:
        options = _options(arguments, Path(scratch))
        report: dict[str, Any] = {"started_at": datetime.now(UTC).isoformat(timespec="seconds")}
        report["machine"] = describe_machine(options.device)
        report["options"] = {name: value for name, value in asdict(options).items() if name != "scratch"}
        kept = _kept(arguments.out / f"engine-{options.device}.json") if arguments.keep else {}
        measured = {name: _measure(name, options) for name in arguments.parts}
    report["parts"] = {name: part for name in PARTS for part in [measured.get(name, kept.get(name))] if part}
    _save(report, arguments.out, f"engine-{options.device}")


def _kept(path: Path) -> dict[str, Any]:
    """The parts of an earlier report, each marked with when it was measured. Empty where there is no report."""
    if not path.is_file():
        return {}
    earlier = json.loads(path.read_text(encoding="utf-8"))
    return {name: {"measured_at": earlier["started_at"], **part} for name, part in earlier["parts"].items()}


def _measure(name: str, options: Options) -> dict[str, Any]:
    print(f"\n{name} …", flush=True)
    started = perf_counter()
    try:
        result = importlib.import_module(f"benchmarks.engine.{PARTS[name]}").measure(options)
    except (PartUnavailable, ImportError) as missing:
        print(f"{name} was left out: {missing}")
        return {"unavailable": str(missing)}
    for table in result.tables:
        tables.draw(table)
    if "upstream_missing" in result.data:
        print(f"Without upstream: {result.data['upstream_missing']}")
    data: dict[str, Any] = result.data
    return {**data, "threads": all_threads(), "took_seconds": perf_counter() - started}


def _save(report: dict[str, Any], out: Path, stem: str) -> None:
    out.mkdir(parents=True, exist_ok=True)
    written = out / f"{stem}.json"
    written.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    print(f"\nRaw samples: {written}")
    picture = out / f"{stem}.png"
    print(plot.draw(report["parts"], picture) or f"Plot: {picture}")


def _options(arguments: argparse.Namespace, scratch: Path) -> Options:
    # A base-size request takes upstream minutes on a CPU: a few steps tell what all of them take.
    usual_steps = 2 if arguments.quick else 4 if arguments.device == "cpu" else 0
    return Options(
        device=arguments.device,
        size=arguments.size,
        steps=usual_steps if arguments.steps is None else arguments.steps,
        rounds=arguments.rounds or (1 if arguments.quick else 3),
        quick=arguments.quick,
        threads=arguments.threads,
        seed=arguments.seed,
        scratch=scratch,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.engine", description="How fast the engine is.")
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--parts", type=among(PARTS), default=list(PARTS), help=f"of {','.join(PARTS)}; all of them")
    parser.add_argument("--size", choices=["base", "small", "tiny"], help="of the random model; each part has its own")
    parser.add_argument("--steps", type=int, help="solver steps measured of a request; 0 is all (CPU 4, CUDA 0)")
    parser.add_argument("--rounds", type=int, default=0, help="how often everything is measured (3, quick 1)")
    parser.add_argument("--quick", action="store_true", help="little of everything, to see that it works")
    parser.add_argument("--threads", type=int, default=0, help="of torch; 0 leaves its choice")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", action="store_true", help="leave the other parts of the report that lies in --out")
    parser.add_argument("--out", type=Path, default=Path("out/benchmarks"), help="folder for JSON and PNG")
    return parser


if __name__ == "__main__":
    main()
