"""How loud a signal is (ITU-R BS.1770, EBU R 128), and how it is brought to another loudness without clipping."""

import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Final, cast

import av
import numpy as np
import numpy.typing as npt
from av.filter import Graph

from f5_tts_core.types import Waveform

Samples = npt.NDArray[np.float32]
#: A signal in pieces, as often as it is asked for: it may be longer than memory.
Source = Callable[[], Iterable[Samples]]
#: Goes through a signal once and keeps it, in place of what it kept before.
Keep = Callable[[Iterable[Samples]], Source]

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
    return measure_source(lambda: [audio.samples], audio.sample_rate)


def measure_source(source: Source, sample_rate: int) -> Loudness:
    """Clips shorter than the meter's block are measured as if they went on and on."""
    reading = _last_reading(source, sample_rate, "peak=true:metadata=1")
    return Loudness(_integrated(reading), decibels(float(reading.get("lavfi.r128.true_peak", 0.0))))


def measure_integrated(audio: Waveform) -> float | None:
    """The integrated loudness alone, in less than half of the time."""
    return source_integrated(lambda: [audio.samples], audio.sample_rate)


def source_integrated(source: Source, sample_rate: int) -> float | None:
    return _integrated(_last_reading(source, sample_rate, "metadata=1"))


def _last_reading(source: Source, sample_rate: int, options: str) -> dict[str, str]:
    """Of the whole signal. Only the meter's last frames are looked at: asking for a reading costs more than it."""
    signal = _long_enough(source(), math.ceil(_BLOCK_SECONDS * sample_rate))
    # The very last one has none where it is shorter than the others.
    last = deque(_filtered(signal, sample_rate, ("ebur128", options)), maxlen=2)
    return next((frame.metadata for frame in reversed(last) if frame.metadata), {})


def _integrated(reading: dict[str, str]) -> float | None:
    integrated = float(reading.get("lavfi.r128.I", _GATE))
    return None if integrated <= _GATE else integrated


def decibels(amplitude: float) -> float:
    """Of full scale; minus infinity for none at all."""
    return 20 * math.log10(amplitude) if amplitude > 0 else -math.inf


def peak_dbfs(amplitude: float) -> float | None:
    """Of the largest sample, as it is written: cut at full scale. None: it is silent."""
    return round(decibels(min(amplitude, 1.0)), 2) if amplitude else None


def at_loudness(audio: Waveform, target: float) -> Waveform:
    """The signal at `target` LUFS. Peaks that would pass the ceiling are limited, which may leave it short of that.

    Silence stays as it is.
    """
    source = _kept_in_memory([audio.samples])
    levelled = source_at_loudness(source, audio.sample_rate, target, _kept_in_memory)
    return audio if levelled is source else Waveform(np.concatenate([*levelled()]), audio.sample_rate)


def _kept_in_memory(signal: Iterable[Samples]) -> Source:
    pieces = [*signal]
    return lambda: pieces


def source_at_loudness(source: Source, sample_rate: int, target: float, keep: Keep) -> Source:
    """`at_loudness` of a signal in pieces, which is gone through a few times.

    What is limited is kept by `keep`: to limit takes longer than all the rest.
    """
    found = measure_source(source, sample_rate)
    if found.integrated is None:
        return source
    gain = target - found.integrated
    if found.true_peak + gain <= TRUE_PEAK_CEILING:
        return _amplified(source, gain)
    return _limited_to(source, sample_rate, target, gain, keep)


def _limited_to(source: Source, sample_rate: int, target: float, gain: float, keep: Keep) -> Source:
    for _ in range(_ROUNDS):
        limited = keep(_limited(source(), sample_rate, gain))
        reached = measure_source(limited, sample_rate)
        if reached.integrated is None or target - reached.integrated < _TOLERANCE:
            break
        gain += target - reached.integrated
    # What is limited hard swings a little wider once it is back at its own rate.
    return _amplified(limited, min(0.0, TRUE_PEAK_CEILING - reached.true_peak))


def _amplified(source: Source, gain: float) -> Source:
    factor = np.float32(10 ** (gain / 20))
    return lambda: (samples * factor for samples in source())


def _limited(signal: Iterable[Samples], sample_rate: int, gain: float) -> Iterator[Samples]:
    """Raised by `gain` dB, with peaks beyond the ceiling turned down smoothly from just before they come."""
    filters = (
        ("volume", f"{gain:.4f}dB:precision=float"),
        ("aresample", str(_OVERSAMPLING * sample_rate)),
        ("alimiter", f"limit={_LIMIT:.6f}:attack=5:release=50:level=disabled:latency=1"),
        ("aresample", str(sample_rate)),
        ("aformat", "sample_fmts=flt"),
    )
    return (frame.to_ndarray()[0] for frame in _filtered(signal, sample_rate, *filters))


def _long_enough(signal: Iterable[Samples], needed: int) -> Iterator[Samples]:
    """The signal, repeated where it is shorter than `needed` samples."""
    begun: list[Samples] = []
    for samples in signal:
        if sum(map(len, begun)) < needed:
            begun.append(samples)
        yield samples
    count = sum(map(len, begun))
    if 0 < count < needed:
        yield np.resize(np.concatenate(begun), needed)[count:]


def _filtered(signal: Iterable[Samples], sample_rate: int, *filters: _Filter) -> "Iterator[av.AudioFrame]":
    """The signal through a chain of libavfilter's filters, piece by piece."""
    graph, tick = Graph(), Fraction(1, sample_rate)
    # Each would have a thread for each core started; these filters use one.
    graph.threads = 1
    source = graph.add_abuffer(sample_rate=sample_rate, format="flt", layout="mono", time_base=tick)
    graph.link_nodes(source, *(graph.add(name, options) for name, options in filters), graph.add("abuffersink"))
    graph.configure()
    taken = 0
    for piece in _cut(signal):
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(piece[None]), format="flt", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = sample_rate, taken, tick
        taken += len(piece)
        graph.push(frame)
        yield from _pulled(graph)
    graph.push(None)
    yield from _pulled(graph)


def _cut(signal: Iterable[Samples]) -> Iterator[Samples]:
    for samples in signal:
        for start in range(0, len(samples), _PIECE):
            yield samples[start : start + _PIECE]


def _pulled(graph: Graph) -> "Iterator[av.AudioFrame]":
    while True:
        try:
            frame = graph.pull()
        except (av.BlockingIOError, av.EOFError):
            return
        yield cast("av.AudioFrame", frame)
