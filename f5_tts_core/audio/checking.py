"""Whether a decoded clip is fit to be a reference. Each refusal says what was measured and what is accepted."""

import math
from typing import Final

import numpy as np

from f5_tts_core import errors, limits
from f5_tts_core.audio.mixing import FULL_SCALE, Recording
from f5_tts_core.types import Waveform

#: Root mean square below which a clip is silence, and below which it is too quiet to raise: -80 and -54 dB.
SILENT_RMS: Final = 1e-4
QUIET_RMS: Final = 2e-3
#: Share of samples at full scale beyond which the voice is lost in distortion.
MAX_CLIPPED_SHARE: Final = 0.10


def check(audio: Waveform) -> Waveform:
    """The same audio without its DC offset. Raises the `AudioError` that fits the first fault found."""
    _check_length(audio)
    _check_samples(audio)
    samples = audio.samples - audio.samples.mean(dtype=np.float64).astype(np.float32)
    _check_loudness(float(np.sqrt(np.square(samples).mean(dtype=np.float64))))
    return Waveform(samples, audio.sample_rate)


def check_seconds(seconds: float, what: str = "audio") -> None:
    if seconds < limits.MIN_REFERENCE_SECONDS:
        raise errors.TooShortAudio(
            f"The {what} lasts {seconds:.2f} s; at least {limits.MIN_REFERENCE_SECONDS:g} s are needed."
        )


def _check_length(audio: Waveform) -> None:
    if not len(audio.samples):
        raise errors.EmptyAudio("The audio file holds 0 samples; send a recording of a voice.")
    check_seconds(audio.seconds)


def _check_samples(audio: Waveform) -> None:
    if not np.isfinite(audio.samples).all():
        raise errors.NotFiniteAudio("The audio holds NaN or infinite samples; every sample must be a finite number.")
    share = clipped_share(audio)
    if share > MAX_CLIPPED_SHARE:
        raise errors.ClippedAudio(
            f"{share:.0%} of the audio's samples are at full scale or beyond; "
            f"at most {MAX_CLIPPED_SHARE:.0%} are accepted. Record again with less gain."
        )


def clipped_share(audio: Waveform) -> float:
    """Share of samples at full scale, 0..1; of the file itself where the audio was decoded from one."""
    if isinstance(audio, Recording):
        return audio.source.clipped_share
    return float(np.mean(np.abs(audio.samples) >= FULL_SCALE))


def _check_loudness(rms: float) -> None:
    if rms < SILENT_RMS:
        raise errors.SilentAudio("The audio is silent (below -80 dB); send a recording in which a voice is heard.")
    if rms < QUIET_RMS:
        raise errors.TooQuietAudio(
            f"The audio's level is {_decibels(rms):.0f} dB; at least {_decibels(QUIET_RMS):.0f} dB are needed. "
            "Record closer to the microphone."
        )


def _decibels(rms: float) -> float:
    return 20 * math.log10(rms)
