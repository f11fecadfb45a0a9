"""How soon a text of about half a minute is heard: the first piece of its audio, streamed, against all of it.

Every figure is of one request alone with a reference that the engine knows. Streamed and not streamed take turns.
"""

from dataclasses import replace
from time import perf_counter
from typing import Any, Final

from benchmarks.engine.models import random_model
from benchmarks.engine.parts import Options, PartResult, Size
from benchmarks.engine.spread import Spread
from benchmarks.engine.tables import Table, percent, seconds, spread
from benchmarks.engine.whole_engine import TEXT, load_engine, make_reference
from f5_tts_core.engine import Engine
from f5_tts_core.types import SynthesisRequest, Waveform

_NFE_STEP: Final = 16
#: Times that the text is said: half a minute at the pace of the reference.
_REPEATS: Final = 3
#: What a request took, in seconds, and how it was cut.
Run = dict[str, Any]


def measure(options: Options) -> PartResult:
    size: Size = options.size or ("small" if options.device == "cuda" else "tiny")
    engine = load_engine(random_model(options.scratch, size, options.seed), options)
    nfe_step = 2 if options.quick else _NFE_STEP
    text = " ".join([TEXT] * _REPEATS)
    request = SynthesisRequest(text, make_reference(size), seed=options.seed, nfe_step=nfe_step)
    streamed = replace(request, stream=True)
    try:
        for warm_up in (request, streamed):
            speak(engine, warm_up)
        runs = [(speak(engine, streamed), speak(engine, request)) for _ in range(options.rounds)]
    finally:
        engine.close()
    data: dict[str, Any] = {"size": size, "nfe_step": nfe_step}
    data |= {"streamed": [run for run, _ in runs], "whole": [run for _, run in runs]}
    return PartResult([_table(size, nfe_step, data)], data)


def speak(engine: Engine, request: SynthesisRequest) -> Run:
    """One request: when each piece of its audio was handed out, and how many seconds of audio it holds."""
    pieces: list[tuple[float, float]] = []

    def note(piece: Waveform) -> None:
        pieces.append((perf_counter() - started, piece.seconds))

    started = perf_counter()
    result = engine.synthesize(request, on_audio=note)
    total = perf_counter() - started
    return {"seconds": total, "pieces": pieces, "chunks": result.chunks, "speech_seconds": result.audio.seconds}


def first_audio_seconds(run: Run) -> float:
    return float(run["pieces"][0][0])


def _table(size: Size, nfe_step: int, data: dict[str, Any]) -> Table:
    rows = [(name, *_row(data[name], data["whole"])) for name in ("streamed", "whole")]
    columns = ("request", "chunks", "speech", "first piece", "first audio after", "whole after", "first of whole")
    title = f"First audio of a long text, {size} size, NFE {nfe_step}"
    return Table(
        title, columns, rows, "The last column is against the whole time of the request that was not streamed."
    )


def _row(runs: list[Run], whole: list[Run]) -> tuple[str, ...]:
    first = Spread.of([first_audio_seconds(run) for run in runs])
    shares = [first_audio_seconds(run) / beside["seconds"] for run, beside in zip(runs, whole, strict=True)]
    return (
        str(runs[0]["chunks"]),
        seconds(runs[0]["speech_seconds"]),
        seconds(runs[0]["pieces"][0][1]),
        spread(first),
        spread(Spread.of([run["seconds"] for run in runs])),
        spread(Spread.of(shares), percent),
    )
