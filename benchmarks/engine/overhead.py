"""What a request costs beside the network and the vocoder, with a reference that the engine knows already.

`network` is the device thread's time in forwards. On CUDA those return before the device is done, so there the
share outside the solver is the one to read.
"""

from collections.abc import Mapping
from typing import Final

from benchmarks.engine.models import REFERENCE_SECONDS, random_model
from benchmarks.engine.parts import Options, PartResult, PartUnavailable
from benchmarks.engine.spread import Spread
from benchmarks.engine.tables import Table, percent, spread
from f5_tts_core.engine import Engine, EngineConfig
from f5_tts_core.manifest import Manifest
from f5_tts_core.types import Reference, SynthesisRequest

_NFE_STEP: Final = 7
_TRANSCRIPT: Final = "We will meet at the old station tomorrow morning, and walk along the river from there."
_TEXT: Final = (
    "The farmer planted apples behind the house, and his neighbor painted the wooden bridge yellow. "
    "Winter came early to the village that year, and the children walked to school in the snow."
)
_STAGES: Final = ("reference", "solver", "network", "vocoder", "total")


def measure(options: Options) -> PartResult:
    size = options.size or "base"
    manifest = random_model(options.scratch, size, options.seed)
    engine = _load(manifest, options)
    try:
        request = _request(REFERENCE_SECONDS[size], options)
        fresh = engine.synthesize(request).timings
        runs = [engine.synthesize(request).timings for _ in range(options.rounds + 2)]
    finally:
        engine.close()
    data = {"size": size, "nfe_step": request.nfe_step, "fresh_reference": fresh, "warm": runs}
    return PartResult([_table(size, runs, options)], data)


def share_beside(stage: str, timings: Mapping[str, float]) -> float:
    """Share of a request's time that neither `stage` nor the vocoder took."""
    return 1 - (timings[stage] + timings["vocoder"]) / timings["total"]


def _load(manifest: Manifest, options: Options) -> Engine:
    try:
        from f5_tts_core.f5 import create  # noqa: PLC0415 - needs packages that a bare GPU machine lacks
    except ImportError as error:
        raise PartUnavailable(f"The whole engine cannot be imported here: {error}.") from error
    folder = manifest.checkpoint.parent
    config = EngineConfig(
        ckpt_path=folder, device=options.device, precision=options.precisions[0], threads=options.threads
    )
    engine = create(config)
    engine.load()
    return engine


def _request(reference_seconds: float, options: Options) -> SynthesisRequest:
    from f5_tts_core.testing import speech_like, wav_bytes  # noqa: PLC0415 - needs soundfile

    words = _TRANSCRIPT.split()
    transcript = " ".join(words[: round(len(words) * reference_seconds / 5)])
    reference = Reference(wav_bytes(speech_like(reference_seconds)), transcript)
    return SynthesisRequest(_TEXT, reference, seed=options.seed, nfe_step=2 if options.quick else _NFE_STEP)


def _table(size: str, runs: list[dict[str, float]], options: Options) -> Table:
    rows: list[tuple[str, ...]] = [(stage, spread(Spread.of([run[stage] for run in runs]))) for stage in _STAGES]
    for stage in ("network", "solver"):
        beside = Spread.of([share_beside(stage, run) for run in runs])
        rows.append((f"beside {stage} and vocoder", spread(beside, percent)))
    nfe_step = 2 if options.quick else _NFE_STEP
    return Table(f"Stages of a request, {size} size, NFE {nfe_step}, known reference", ("stage", "median"), rows)
