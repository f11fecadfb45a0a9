"""What a request costs beside the network and the vocoder, with a reference that the engine knows already.

`network` is the device thread's time in forwards. On CUDA those return before the device is done, so there the
share outside the solver is the one to read.
"""

from collections.abc import Mapping
from typing import Final

from benchmarks.engine.models import random_model
from benchmarks.engine.parts import Options, PartResult
from benchmarks.engine.spread import Spread
from benchmarks.engine.tables import Table, percent, spread
from benchmarks.engine.whole_engine import TEXT, load_engine, make_reference
from f5_tts_core.types import SynthesisRequest

#: Few on a CPU, whose steps are long: what is beside them then only counts for more.
_NFE_STEP: Final = {"cpu": 2, "cuda": 7}
_STAGES: Final = ("reference", "solver", "network", "vocoder", "total")


def measure(options: Options) -> PartResult:
    size = options.size or "base"
    manifest = random_model(options.scratch, size, options.seed)
    engine = load_engine(manifest, options)
    try:
        nfe_step = 2 if options.quick else _NFE_STEP[options.device]
        request = SynthesisRequest(TEXT, make_reference(size), seed=options.seed, nfe_step=nfe_step)
        fresh = engine.synthesize(request).timings
        runs = [engine.synthesize(request).timings for _ in range(options.rounds + 2)]
    finally:
        engine.close()
    data = {"size": size, "nfe_step": request.nfe_step, "fresh_reference": fresh, "warm": runs}
    return PartResult([_table(size, runs, options)], data)


def share_beside(stage: str, timings: Mapping[str, float]) -> float:
    """Share of a request's time that neither `stage` nor the vocoder took."""
    return 1 - (timings[stage] + timings["vocoder"]) / timings["total"]


def _table(size: str, runs: list[dict[str, float]], options: Options) -> Table:
    rows: list[tuple[str, ...]] = [(stage, spread(Spread.of([run[stage] for run in runs]))) for stage in _STAGES]
    for stage in ("network", "solver"):
        beside = Spread.of([share_beside(stage, run) for run in runs])
        rows.append((f"beside {stage} and vocoder", spread(beside, percent)))
    nfe_step = 2 if options.quick else _NFE_STEP[options.device]
    return Table(f"Stages of a request, {size} size, NFE {nfe_step}, known reference", ("stage", "median"), rows)
