"""How loud a signal is (ITU-R BS.1770, EBU R 128), and how it is brought to another loudness without clipping."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Final, cast

import av
import numpy as np
from av.filter import Graph

from f5_tts_core.types import Waveform

#: dB of full scale that no peak passes, between the samples too: lossy codecs overshoot by about as much.
TRUE_PEAK_CEILING: Final = -1.0

#: What the meter says of a signal that never passes its gate.
_GATE: Final = -70.0
#: Seconds that the meter needs at least.
_BLOCK_SECONDS: Final = 0.4
#: Samples that are filtered at a time.
_PIECE: Final = 65_536
#: The limiter works on samples only, so it sees them this much denser, and keeps a little below the ceiling.
_OVERSAMPLING: Final = 4
_LIMIT: Final = 10 ** ((TRUE_PEAK_CEILING - 0.2) / 20)
#: Limiting costs loudness, which is made up for in a few rounds.
_ROUNDS: Final = 4
_TOLERANCE: Final = 0.1

_Filter = tuple[str, str]


@dataclass(frozen=True)
class Loudness:
    #: Integrated loudness in LUFS; None for silence.
    integrated: float | None
    #: Largest absolute value of the signal between and at its samples, in dB of full scale.
    true_peak: float


def measure(audio: Waveform) -> Loudness:
    """Clips shorter than the meter's block are measured as if they went on and on."""
    readings = _readings(audio, "peak=true:metadata=1")
    peak = max((float(reading["lavfi.r128.true_peak"]) for reading in readings), default=0.0)
    return Loudness(_integrated(readings), decibels(peak))


def measure_integrated(audio: Waveform) -> float | None:
    """The integrated loudness alone, in less than half of the time."""
    return _integrated(_readings(audio, "metadata=1"))


def _readings(audio: Waveform, options: str) -> list[dict[str, str]]:
    needed = math.ceil(_BLOCK_SECONDS * audio.sample_rate)
    samples = np.resize(audio.samples, needed) if 0 < len(audio.samples) < needed else audio.samples
    frames = _filtered(Waveform(samples, audio.sample_rate), ("ebur128", options))
    return [frame.metadata for frame in frames if frame.metadata]


def _integrated(readings: list[dict[str, str]]) -> float | None:
    integrated = float(readings[-1]["lavfi.r128.I"]) if readings else _GATE
    return integrated if integrated > _GATE else None


def decibels(amplitude: float) -> float:
    """Of full scale; minus infinity for none at all."""
    return 20 * math.log10(amplitude) if amplitude > 0 else -math.inf


def at_loudness(audio: Waveform, target: float) -> Waveform:
    """The signal at `target` LUFS. Peaks that would pass the ceiling are limited, which may leave it short of that.

    Silence stays as it is.
    """
    found = measure(audio)
    if found.integrated is None:
        return audio
    gain = target - found.integrated
    if found.true_peak + gain <= TRUE_PEAK_CEILING:
        return _amplified(audio, gain)
    return _limited_to(audio, target, gain)


def _limited_to(audio: Waveform, target: float, gain: float) -> Waveform:
    for _ in range(_ROUNDS):
        limited = _limited(audio, gain)
        reached = measure(limited)
        if reached.integrated is None or target - reached.integrated < _TOLERANCE:
            break
        gain += target - reached.integrated
    # What is limited hard swings a little wider once it is back at its own rate.
    return _amplified(limited, min(0.0, TRUE_PEAK_CEILING - reached.true_peak))


def _amplified(audio: Waveform, gain: float) -> Waveform:
    return Waveform(audio.samples * np.float32(10 ** (gain / 20)), audio.sample_rate)


def _limited(audio: Waveform, gain: float) -> Waveform:
    """Raised by `gain` dB, with peaks beyond the ceiling turned down smoothly from just before they come."""
    frames = _filtered(
        audio,
        ("volume", f"{gain:.4f}dB:precision=float"),
        ("aresample", str(_OVERSAMPLING * audio.sample_rate)),
        ("alimiter", f"limit={_LIMIT:.6f}:attack=5:release=50:level=disabled:latency=1"),
        ("aresample", str(audio.sample_rate)),
        ("aformat", "sample_fmts=flt"),
    )
    return Waveform(np.concatenate([frame.to_ndarray()[0] for frame in frames]), audio.sample_rate)


def _filtered(audio: Waveform, *filters: _Filter) -> "Iterator[av.AudioFrame]":
    """The signal through a chain of libavfilter's filters, piece by piece."""
    graph, tick = Graph(), Fraction(1, audio.sample_rate)
    source = graph.add_abuffer(sample_rate=audio.sample_rate, format="flt", layout="mono", time_base=tick)
    graph.link_nodes(source, *(graph.add(name, options) for name, options in filters), graph.add("abuffersink"))
    graph.configure()
    for start in range(0, len(audio.samples), _PIECE):
        piece = np.ascontiguousarray(audio.samples[None, start : start + _PIECE])
        frame = av.AudioFrame.from_ndarray(piece, format="flt", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = audio.sample_rate, start, tick
        graph.push(frame)
        yield from _pulled(graph)
    graph.push(None)
    yield from _pulled(graph)


def _pulled(graph: Graph) -> "Iterator[av.AudioFrame]":
    while True:
        try:
            frame = graph.pull()
        except (av.BlockingIOError, av.EOFError):
            return
        yield cast("av.AudioFrame", frame)
