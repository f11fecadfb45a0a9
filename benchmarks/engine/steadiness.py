"""Whether memory stays flat over thousands of requests of unlike sizes, a tenth of them canceled, and how soon a
cancel is heard.

The network is so small that the requests' number and shapes count, not their arithmetic.
"""

from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from multiprocessing import get_context
from random import Random
from typing import Any, Final

from benchmarks.engine.memory import resident_bytes
from benchmarks.engine.models import random_model
from benchmarks.engine.parts import Options, PartResult
from benchmarks.engine.tables import Table, percent
from benchmarks.engine.whole_engine import TEXT, load_engine, make_reference
from f5_tts_core.engine import Counting, Engine
from f5_tts_core.errors import Canceled
from f5_tts_core.types import SynthesisRequest

_REQUESTS: Final = 2_000
#: After so many, caches and allocators have what they keep.
_SETTLED: Final = 200
_NFE_STEP: Final = 4


def measure(options: Options) -> PartResult:
    count = 60 if options.quick else _REQUESTS
    # In a process of its own: what other parts have left in this one would hide the growth.
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        resident, steps = pool.submit(_speak_all, options, count).result()
    settled = min(_SETTLED, count // 2)
    growth = max(resident[-count // 10 :]) / max(resident[:settled]) - 1
    data: dict[str, Any] = {"requests": count, "settled_after": settled, "resident_bytes": resident[:: count // 20]}
    data |= {"growth": growth, "steps_after_a_cancel": steps}
    return PartResult([_table(count, settled, growth, resident, steps)], data)


def _speak_all(options: Options, count: int) -> tuple[list[int], int]:
    """Resident bytes after each request, and the steps that are still made after a cancel."""
    engine = load_engine(random_model(options.scratch, "mini", options.seed), options)
    try:
        resident = [_spoken(engine, request, index) for index, request in enumerate(_requests(count, options.seed))]
        return resident, _steps_after_a_cancel(engine, options.seed)
    finally:
        engine.close()


def _requests(count: int, seed: int) -> list[SynthesisRequest]:
    """Texts of one word up to all, after a reference that is mostly known and sometimes new."""
    drawn = Random(seed)  # noqa: S311 - a benchmark's texts are no secret
    words = TEXT.split()
    references = [make_reference("mini", seed=index) for index in range(12)]
    return [
        SynthesisRequest(
            " ".join(words[: drawn.randint(1, len(words))]), drawn.choice(references), seed=index, nfe_step=_NFE_STEP
        )
        for index in range(count)
    ]


def _spoken(engine: Engine, request: SynthesisRequest, index: int) -> int:
    """Resident bytes once it has been spoken, or abandoned on the way: every tenth is."""
    if index % 10:
        engine.synthesize(request)
    else:
        _abandon(engine, request, lambda steps: steps > 0)
    return resident_bytes()


def _steps_after_a_cancel(engine: Engine, seed: int) -> int:
    """Forwards that the device still made for a request once its client had said stop."""
    request = SynthesisRequest("Stop.", make_reference("mini"), seed=seed, nfe_step=64)
    before = _rows(engine)
    heard = _abandon(engine, request, lambda steps: steps >= 10)
    after = SynthesisRequest("Go.", make_reference("mini"), seed=seed, nfe_step=2)
    engine.synthesize(after)
    return _rows(engine) - before - after.nfe_step - heard


def _rows(engine: Engine) -> int:
    assert isinstance(engine, Counting), "our own engine counts"
    return engine.stats.rows


def _abandon(engine: Engine, request: SynthesisRequest, is_over: Callable[[int], bool]) -> int:
    """Cancel a request of one chunk after as many steps as `is_over` says; how many those were."""
    done = 0

    def note(share: float) -> None:
        nonlocal done
        done = round(share * request.nfe_step)

    with suppress(Canceled):
        engine.synthesize(request, on_progress=note, should_cancel=lambda: is_over(done))
    return done


def _table(count: int, settled: int, growth: float, resident: list[int], steps: int) -> Table:
    rows = [
        (f"memory at most in the first {settled}", f"{max(resident[:settled]) / 1e6:.0f} MB"),
        (f"memory at most in the last {count // 10}", f"{max(resident[-count // 10 :]) / 1e6:.0f} MB"),
        ("growth", percent(growth)),
        ("steps made after a cancel", str(steps)),
    ]
    return Table(f"{count} requests of unlike sizes, mini size, NFE {_NFE_STEP}", ("what", "figure"), rows)
