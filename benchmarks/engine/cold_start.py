"""From a fresh process to a ready engine, against importing torch and reading the weights, and the memory it took."""

import json
import subprocess
import sys
from pathlib import Path
from time import perf_counter
from typing import Any, Final

from benchmarks.engine.models import random_model
from benchmarks.engine.parts import Options, PartResult, PartUnavailable
from benchmarks.engine.spread import Spread
from benchmarks.engine.tables import Table, spread, times

_ROOT: Final = Path(__file__).parents[2]
_DOINGS: Final = ("load-engine", "read-weights")
_LIMIT_SECONDS: Final = 600


def measure(options: Options) -> PartResult:
    size = options.size or "base"
    folder = random_model(options.scratch, size, options.seed).checkpoint.parent
    weights = sum(path.stat().st_size for path in folder.glob("*.safetensors"))
    runs: dict[str, list[dict[str, Any]]] = {what: [] for what in _DOINGS}
    for what in _DOINGS:
        _run(what, folder, options)  # the file and the packages are in the page cache from here on
    for _ in range(options.rounds):
        for what in _DOINGS:
            runs[what].append(_run(what, folder, options))
    data = {"size": size, "precision": options.precisions[0], "weights_bytes": weights, "runs": runs}
    return PartResult([_table(size, weights, runs, options)], data)


def _run(what: str, folder: Path, options: Options) -> dict[str, Any]:
    """Seconds until the process says that it is done, and its peak memory."""
    arguments = [what, str(folder), options.device, options.precisions[0], str(options.threads)]
    command = [sys.executable, "-m", "benchmarks.engine.fresh_process", *arguments]
    started = perf_counter()
    with subprocess.Popen(command, cwd=_ROOT, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 - our own
        assert process.stdout is not None
        line = process.stdout.readline()
        elapsed = perf_counter() - started
        process.wait(_LIMIT_SECONDS)
    if not line:
        raise PartUnavailable(f"The process that was to {what} ended with {process.returncode}.")
    told = json.loads(line)
    if "missing" in told:
        raise PartUnavailable(f"The whole engine cannot be imported here: {told['missing']}.")
    return {"seconds": elapsed, **told}


def _table(size: str, weights: int, runs: dict[str, list[dict[str, Any]]], options: Options) -> Table:
    taken = {what: Spread.of([run["seconds"] for run in runs[what]]) for what in _DOINGS}
    peaks = {what: Spread.of([run["peak_bytes"] for run in runs[what]]).median for what in _DOINGS}
    least = taken["read-weights"].median
    rows = [
        (what, spread(taken[what]), times(taken[what].median / least), _mb(peaks[what]), times(peaks[what] / weights))
        for what in _DOINGS
    ]
    title = f"Cold start in {options.precisions[0]}, {size} size, {_mb(weights)} of fp32 weights"
    return Table(title, ("fresh process", "median", "vs reading", "peak memory", "vs weights"), rows)


def _mb(size: float) -> str:
    return f"{size / 1e6:.0f} MB"
