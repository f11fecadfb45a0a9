"""Put finished pieces of speech together, and take the dead air out. float32, mono."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Final

import numpy as np
import numpy.typing as npt

from f5_tts_core import limits
from f5_tts_core.audio.activity import Span, speech_spans
from f5_tts_core.types import SynthesisRequest, Waveform

Samples = npt.NDArray[np.float32]

#: Seconds kept of a long silence, and on each side of the speech.
MAX_SILENCE_SECONDS: Final = 0.5
EDGE_SECONDS: Final = 0.05
_SEAM_SECONDS: Final = 0.01


def finished_speech(waves: Sequence[Samples], request: SynthesisRequest, gain: float) -> Waveform:
    """A request's chunks as one, as it asked for them, at the loudness its reference had before `gain`."""
    samples = cross_fade(waves, request.cross_fade_seconds)
    if request.remove_silence:
        samples = remove_silence(samples)
    return Waveform(np.clip(samples / gain, -1.0, 1.0).astype(np.float32))


def cross_fade(waves: Sequence[Samples], seconds: float, sample_rate: int = limits.SAMPLE_RATE) -> Samples:
    """The waves [n] one after another, each fading linearly into the next over `seconds` at most.

    A fade never takes more than either of its two waves has, and no sample takes part in two fades.
    """
    waves = [wave for wave in waves if len(wave)]
    if not waves:
        return np.zeros(0, np.float32)
    overlaps = _overlaps([len(wave) for wave in waves], max(0, round(seconds * sample_rate)))
    joined = np.zeros(sum(map(len, waves)) - sum(overlaps), np.float32)
    start = 0
    for wave, before, after in zip(waves, [0, *overlaps], [*overlaps, 0], strict=True):
        joined[start : start + len(wave)] += wave * _envelope(len(wave), before, after)
        start += len(wave) - after
    return joined


def _overlaps(lengths: list[int], wanted: int) -> list[int]:
    """Samples shared by each wave with the next. Inner waves give half of themselves to each side."""
    last = len(lengths) - 1
    spare = [length if index in (0, last) else length // 2 for index, length in enumerate(lengths)]
    return [min(wanted, left, right) for left, right in pairwise(spare)]


def _envelope(length: int, fade_in: int, fade_out: int) -> Samples:
    envelope = np.ones(length, np.float32)
    envelope[:fade_in] = np.linspace(0, 1, fade_in, dtype=np.float32)
    envelope[length - fade_out :] *= np.linspace(1, 0, fade_out, dtype=np.float32)
    return envelope


def remove_silence(wave: Samples, sample_rate: int = limits.SAMPLE_RATE) -> Samples:
    """The wave with silences cut to half a second and edges to 50 ms. A wave without speech stays as it is."""
    spans = speech_spans(wave, sample_rate)
    if not spans:
        return wave
    pieces = [
        wave[max(0, round(span.start * sample_rate)) : round(span.end * sample_rate)]
        for span in _kept(spans, len(wave) / sample_rate)
    ]
    return cross_fade(pieces, _SEAM_SECONDS, sample_rate)


def trim(wave: Samples, sample_rate: int = limits.SAMPLE_RATE) -> Samples:
    """The wave with both ends cut to 50 ms of silence. A wave without speech stays as it is."""
    spans = speech_spans(wave, sample_rate)
    if not spans:
        return wave
    start = max(0.0, spans[0].start - EDGE_SECONDS)
    return wave[round(start * sample_rate) : round((spans[-1].end + EDGE_SECONDS) * sample_rate)]


def _kept(spans: list[Span], seconds: float) -> list[Span]:
    """Speech with the silence around it that stays. Neighbours with a short pause between them become one."""
    half = MAX_SILENCE_SECONDS / 2
    kept = [Span(max(0.0, spans[0].start - EDGE_SECONDS), spans[0].end)]
    for span in spans[1:]:
        if span.start - kept[-1].end <= MAX_SILENCE_SECONDS:
            kept[-1] = Span(kept[-1].start, span.end)
        else:
            kept[-1] = Span(kept[-1].start, kept[-1].end + half)
            kept.append(Span(span.start - half, span.end))
    kept[-1] = Span(kept[-1].start, min(seconds, kept[-1].end + EDGE_SECONDS))
    return kept
