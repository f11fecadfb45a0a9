"""Put finished pieces of speech together, and take the dead air out. float32, mono."""

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from f5_tts_core import limits
from f5_tts_core.audio.activity import Span, speech_spans
from f5_tts_core.engine import AudioCallback, ignore
from f5_tts_core.types import SynthesisRequest, Waveform

Samples = npt.NDArray[np.float32]

#: Seconds kept of a long silence.
MAX_SILENCE_SECONDS: Final = 0.5
_SEAM_SECONDS: Final = 0.01
#: Peaks beyond this are bent, the more the higher they are, so that none is cut off flat at full scale.
_KNEE: Final = 0.9


class Speech:
    """A request's chunks, put together as it asked for them, at the loudness its reference had before `gain`.

    What is final is handed out at once; with `remove_silence` nothing is before the end.
    """

    def __init__(self, request: SynthesisRequest, gain: float, on_audio: AudioCallback = ignore) -> None:
        self._remove_silence = request.remove_silence
        self._gain = gain
        self._on_audio = on_audio
        self._fader = Fader(request.cross_fade_seconds)
        self._pieces: list[Samples] = []

    def add(self, wave: Samples, *, last: bool) -> None:
        samples = self._fader.add(wave, last=last)
        if self._remove_silence:
            self._pieces.append(samples)
        else:
            self._hand_out(samples)

    def finish(self) -> Waveform:
        if self._remove_silence:
            whole, self._pieces = remove_silence(_end_to_end(self._pieces)), []
            self._hand_out(whole)
        return Waveform(_end_to_end(self._pieces))

    def _hand_out(self, samples: Samples) -> None:
        piece = rounded_off(samples / self._gain)
        self._pieces.append(piece)
        if len(piece):
            self._on_audio(Waveform(piece))


def rounded_off(samples: Samples) -> Samples:
    """The wave with its peaks below full scale. What stays under nine tenths of it is left as it is."""
    sizes = np.abs(samples)
    bent = _KNEE + (1 - _KNEE) * np.tanh((sizes - _KNEE) / (1 - _KNEE))
    return np.where(sizes > _KNEE, np.copysign(bent, samples), samples).astype(np.float32)


class Fader:
    """Joins waves as they come, each fading linearly into the next over `seconds` at most.

    A fade never takes more than either of its two waves has, and no sample takes part in two fades: the first and
    the last wave may give all of themselves, the others half to each side.
    """

    def __init__(self, seconds: float, sample_rate: int = limits.SAMPLE_RATE) -> None:
        self._wanted = max(0, round(seconds * sample_rate))
        #: The end of what was joined, as far as the next wave may fade into it; None before the first wave.
        self._held: Samples | None = None

    def add(self, wave: Samples, *, last: bool) -> Samples:
        """The samples [n] that no further wave changes."""
        if not len(wave) and not last:
            return wave
        spare = min(self._wanted, len(wave) if last or self._held is None else len(wave) // 2)
        joined = wave if self._held is None else _faded(self._held, wave, spare)
        kept = len(joined) if last else len(joined) - spare
        self._held = joined[kept:]
        return joined[:kept]


def _faded(held: Samples, wave: Samples, spare: int) -> Samples:
    """`wave` behind `held`, over each other for up to `spare` samples."""
    overlap = min(len(held), spare)
    before = len(held) - overlap
    over = held[before:] * _ramp(1, 0, overlap) + wave[:overlap] * _ramp(0, 1, overlap)
    return np.concatenate([held[:before], over, wave[overlap:]])


def _ramp(start: float, end: float, samples: int) -> Samples:
    return np.linspace(start, end, samples, dtype=np.float32)


def _end_to_end(pieces: Sequence[Samples]) -> Samples:
    return np.concatenate(pieces) if pieces else np.zeros(0, np.float32)


def cross_fade(waves: Sequence[Samples], seconds: float, sample_rate: int = limits.SAMPLE_RATE) -> Samples:
    """The waves [n] one after another, by a `Fader`."""
    waves = [wave for wave in waves if len(wave)]
    fader = Fader(seconds, sample_rate)
    return _end_to_end([fader.add(wave, last=index == len(waves) - 1) for index, wave in enumerate(waves)])


def remove_silence(
    wave: Samples,
    sample_rate: int = limits.SAMPLE_RATE,
    *,
    before: float = limits.EDGE_SECONDS,
    after: float = limits.EDGE_SECONDS,
) -> Samples:
    """The wave with silences cut to half a second and edges to these seconds. One without speech stays as it is."""
    spans = speech_spans(wave, sample_rate)
    if not spans:
        return wave
    pieces = [
        wave[max(0, round(span.start * sample_rate)) : round(span.end * sample_rate)]
        for span in _kept(spans, len(wave) / sample_rate, before, after)
    ]
    return cross_fade(pieces, _SEAM_SECONDS, sample_rate)


def trim(wave: Samples, sample_rate: int = limits.SAMPLE_RATE, *, start: bool = True, end: bool = True) -> Samples:
    """The wave with these ends cut to 50 ms of silence. A wave without speech stays as it is."""
    spans = speech_spans(wave, sample_rate)
    if not spans:
        return wave
    first = round(max(0.0, spans[0].start - limits.EDGE_SECONDS) * sample_rate) if start else 0
    last = round((spans[-1].end + limits.EDGE_SECONDS) * sample_rate) if end else len(wave)
    return wave[first:last]


def _kept(spans: list[Span], seconds: float, before: float, after: float) -> list[Span]:
    """Speech with the silence around it that stays. Neighbours with a short pause between them become one."""
    half = MAX_SILENCE_SECONDS / 2
    kept = [Span(max(0.0, spans[0].start - before), spans[0].end)]
    for span in spans[1:]:
        if span.start - kept[-1].end <= MAX_SILENCE_SECONDS:
            kept[-1] = Span(kept[-1].start, span.end)
        else:
            kept[-1] = Span(kept[-1].start, kept[-1].end + half)
            kept.append(Span(span.start - half, span.end))
    kept[-1] = Span(kept[-1].start, min(seconds, kept[-1].end + after))
    return kept
