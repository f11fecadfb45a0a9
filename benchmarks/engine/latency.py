"""One request alone: 5 s of reference, 10 s of speech. Ours, upstream as it ships, upstream in bf16, the limit."""

import random
from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial
from typing import Any, Final

from benchmarks.engine.flops import request_flops
from benchmarks.engine.machine import MatrixRate, best_rates, measure_rates, rates_as_data
from benchmarks.engine.models import random_model
from benchmarks.engine.parts import Options, PartResult, PartUnavailable, Size
from benchmarks.engine.peer_process import open_peers
from benchmarks.engine.peers import MakePeer, OurPeer, Peer, Spoken
from benchmarks.engine.spread import Spread
from benchmarks.engine.tables import Table, percent, seconds, spread, times
from benchmarks.engine.upstream_peer import UpstreamPeer
from benchmarks.engine.utterances import Utterance, utterance
from f5_tts_core.manifest import Manifest

NFE_STEPS: Final = (32, 16, 7)
SPEECH_SECONDS: Final = 10.0
_YARDSTICK: Final = "upstream fp32"
#: Raw seconds by peer and number of steps measured.
Samples = dict[tuple[str, int], list[Spoken]]
#: A peer at an NFE, as the report has it.
Cell = dict[str, Any]


def steps_measured(nfe_step: int, limit: int) -> int:
    """How many of a request's steps are run; `limit` 0 is no limit."""
    return min(nfe_step, limit) if limit else nfe_step


def whole_request(spoken: Spoken, measured: int, nfe_step: int) -> float:
    """Seconds of a request of `nfe_step` steps, from one of `measured`: every step costs the same."""
    return spoken.total_seconds + spoken.solver_seconds * (nfe_step / measured - 1)


def measure(options: Options) -> PartResult:
    size = options.size or "base"
    manifest = random_model(options.scratch, size, options.seed)
    result = PartResult()
    with ExitStack() as stack:
        peers = open_peers(stack, _makers(manifest, options), options.device)
        try:
            peers += open_peers(stack, _upstream_makers(manifest, options), options.device)
        except PartUnavailable as missing:
            result.data["upstream_missing"] = str(missing)
        speech = utterance(size, SPEECH_SECONDS if size != "tiny" else 3.0, NFE_STEPS[0], options.seed)
        samples, rates = _interleaved(peers, speech, options)
    cells = _cells(manifest, speech, samples, best_rates(rates), options.steps)
    result.data |= {"size": size, "frames": speech.frames, "speech_seconds": speech.speech_seconds}
    result.data |= {"requests": cells, "matrix_rates": rates_as_data(rates)}
    result.tables += [_rate_table(rates), _latency_table(size, speech, cells, options)]
    # On CUDA upstream draws its noise there, ours on the CPU: the same seed is another take.
    if options.device == "cpu" and _YARDSTICK in {cell["peer"] for cell in cells}:
        result.data["difference"] = differences(samples)
        result.tables.append(_difference_table(result.data["difference"]))
    return result


def _makers(manifest: Manifest, options: Options) -> list[MakePeer]:
    return [partial(OurPeer, manifest, options.device, precision) for precision in options.precisions]


def _upstream_makers(manifest: Manifest, options: Options) -> list[MakePeer]:
    precisions = dict.fromkeys([options.shipped_precision, "bf16"])
    return [partial(UpstreamPeer, manifest, options.device, precision) for precision in precisions]


def _interleaved(peers: Sequence[Peer], speech: Utterance, options: Options) -> tuple[Samples, list[MatrixRate]]:
    """Every peer and length once a round, in an order drawn anew, the machine's own rate between the rounds."""
    counts = sorted({steps_measured(nfe_step, options.steps) for nfe_step in NFE_STEPS})
    cases = [(peer, count) for peer in peers for count in counts]
    samples: Samples = {(_label(peer), count): [] for peer, count in cases}
    precisions = list(dict.fromkeys(peer.precision for peer in peers))
    rates = measure_rates(options.device, precisions, quick=options.quick)
    for peer, count in cases:
        peer.speak(speech.at(count))  # kernels, allocators and schedules that start lazily
    order = random.Random(options.seed)  # noqa: S311 - an order is no secret
    for _ in range(options.rounds):
        order.shuffle(cases)
        for peer, count in cases:
            samples[_label(peer), count].append(peer.speak(speech.at(count)))
        rates += measure_rates(options.device, precisions, quick=options.quick)
    return samples, rates


def _label(peer: Peer) -> str:
    return f"{peer.name} {peer.precision}"


def _cells(manifest: Manifest, speech: Utterance, samples: Samples, best: dict[str, float], limit: int) -> list[Cell]:
    """Every peer at every NFE, whole requests reckoned from the steps measured."""
    labels = list(dict.fromkeys(label for label, _ in samples))
    return [
        {"peer": label, "nfe_step": nfe_step, **_figures(samples[label, measured], measured, nfe_step, flops, rate)}
        for nfe_step in NFE_STEPS
        for measured in [steps_measured(nfe_step, limit)]
        for flops in [request_flops(manifest.architecture, speech.frames, nfe_step)]
        for label in labels
        for rate in [best[label.split()[-1]]]
    ]


def _figures(raw: Sequence[Spoken], measured: int, nfe_step: int, flops: float, rate: float) -> Cell:
    whole = [whole_request(one, measured, nfe_step) for one in raw]
    limit = flops / rate
    return {
        "steps_measured": measured,
        "seconds": whole,
        "measured_seconds": [one.total_seconds for one in raw],
        "solver_seconds": [one.solver_seconds for one in raw],
        "limit_seconds": limit,
        "share_of_rate": limit / Spread.of(whole).median,
    }


def differences(samples: Samples) -> dict[str, float]:
    """How far each peer's speech is from upstream's in fp32: mean distance of samples over their mean size."""
    shortest = min(count for _, count in samples)
    yardstick = samples[_YARDSTICK, shortest][0].samples
    return {
        label: float((spoken[0].samples - yardstick).abs().mean() / yardstick.abs().mean())
        for (label, count), spoken in samples.items()
        if count == shortest
    }


def _difference_table(found: dict[str, float]) -> Table:
    rows = [(label, f"{difference:.1e}") for label, difference in found.items()]
    return Table(f"Whether all say the same: distance from {_YARDSTICK}", ("peer", "share of its loudness"), rows)


def _rate_table(rates: Sequence[MatrixRate]) -> Table:
    shapes = list(dict.fromkeys(rate.shape for rate in rates))
    precisions = list(dict.fromkeys(rate.precision for rate in rates))
    best = {
        (shape, precision): max(rate.rate for rate in rates if (rate.shape, rate.precision) == (shape, precision))
        for shape in shapes
        for precision in precisions
    }
    rows = [
        (" × ".join(map(str, shape)), *(f"{best[shape, precision] / 1e12:.3g}" for precision in precisions))
        for shape in shapes
    ]
    return Table("Matrix products, best of all runs, TFLOP/s", ("shape", *precisions), rows)


def _latency_table(size: Size, speech: Utterance, cells: Sequence[Cell], options: Options) -> Table:
    shipped = {
        cell["nfe_step"]: Spread.of(cell["seconds"]).median
        for cell in cells
        if cell["peer"] == f"{UpstreamPeer.name} {options.shipped_precision}"
    }
    rows = []
    for cell in cells:
        whole, nfe_step = Spread.of(cell["seconds"]), cell["nfe_step"]
        faster = times(shipped[nfe_step] / whole.median) if nfe_step in shipped else "-"
        steps = str(cell["steps_measured"])
        limit, share = seconds(cell["limit_seconds"]), percent(cell["share_of_rate"])
        rows.append((cell["peer"], str(nfe_step), steps, spread(whole), faster, limit, share))
    title = f"Latency of one request, {size} size, {speech.frames} frames ({speech.speech_seconds:.1f} s of speech)"
    note = "Where fewer steps were run than NFE, the solver's time is scaled up. The limit is NFE's arithmetic at "
    note += "the best rate measured in the peer's own precision."
    columns = ("peer", "NFE", "steps run", "a request", "vs upstream as shipped", "limit", "share of rate")
    return Table(title, columns, rows, note)
