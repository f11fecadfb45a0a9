"""Speech that went wrong as a whole: silent, cut off, or running on."""

from typing import Final, Literal

import numpy as np

from f5_tts_core.audio.activity import speech_spans
from f5_tts_core.types import Waveform

Failure = Literal["silent", "cut", "runaway", "refused"]

#: Shares of the expected seconds of speech.
_CUT: Final = 0.5
_RUNAWAY: Final = 2.0
#: Below this root mean square of full scale (-50 dB), nobody hears anything.
_SILENT_RMS: Final = 0.003
_EDGE_SECONDS: Final = 0.05
_RMS: Final = 0.1


def failure_of(speech: Waveform, expected_seconds: float) -> Failure | None:
    """What is wrong with `speech` that should last about `expected_seconds`, pauses at its edges left out."""
    seconds = spoken_seconds(speech)
    if seconds == 0 or not _rms(speech) >= _SILENT_RMS:
        return "silent"
    if seconds < _CUT * expected_seconds:
        return "cut"
    return "runaway" if max(seconds, speech.seconds) > _RUNAWAY * expected_seconds + 1 else None


def spoken_seconds(speech: Waveform) -> float:
    """From the first sound to the last."""
    spans = speech_spans(speech.samples, speech.sample_rate)
    return spans[-1].end - spans[0].start if spans else 0.0


def trimmed(speech: Waveform) -> Waveform:
    """Without silence at its edges and at one level: so prepared, signals of different makers compare.

    Silence is returned as it is.
    """
    spans = speech_spans(speech.samples, speech.sample_rate)
    if not spans:
        return speech
    start, end = max(0.0, spans[0].start - _EDGE_SECONDS), spans[-1].end + _EDGE_SECONDS
    cut = Waveform(speech.samples[round(start * speech.sample_rate) : round(end * speech.sample_rate)])
    return Waveform(np.clip(cut.samples * np.float32(_RMS / _rms(cut)), -1, 1), speech.sample_rate)


def _rms(speech: Waveform) -> float:
    return float(np.sqrt(np.square(speech.samples, dtype=np.float64).mean())) if len(speech.samples) else 0.0
