"""Speech as a request asked for it, the last step before it is encoded: ends trimmed, resampled, as loud as told."""

from dataclasses import dataclass

import numpy as np
import soxr

from f5_tts_core.audio.encoding import require_finite
from f5_tts_core.audio.loudness import at_loudness, peak_dbfs
from f5_tts_core.joining import trim as trimmed
from f5_tts_core.types import Waveform


@dataclass(frozen=True)
class Master:
    """Speech ready to be encoded."""

    audio: Waveform
    #: Largest sample, in dB of full scale; None: it is silent.
    peak_dbfs: float | None


def master(speech: Waveform, *, sample_rate: int, loudness: float | None = None, trim: bool = False) -> Master:
    """`sample_rate` in Hz, `loudness` in LUFS (None: as it is). Raises `NotFiniteOutput` for NaN or infinity."""
    require_finite(speech)
    samples = trimmed(speech.samples, speech.sample_rate) if trim else speech.samples
    audio = _resampled(Waveform(samples, speech.sample_rate), sample_rate)
    if loudness is not None:
        audio = at_loudness(audio, loudness)
    peak = float(np.abs(audio.samples).max(initial=0.0))
    return Master(audio, peak_dbfs(peak))


def _resampled(speech: Waveform, sample_rate: int) -> Waveform:
    if sample_rate == speech.sample_rate:
        return speech
    return Waveform(soxr.resample(speech.samples, speech.sample_rate, sample_rate), sample_rate)
