"""Encode finished speech. Same samples, same bytes."""

import io
from typing import Final, Literal

import numpy as np
import soundfile

from f5_tts_core import errors
from f5_tts_core.types import Waveform

AudioFormat = Literal["wav", "flac"]

CONTENT_TYPES: Final[dict[AudioFormat, str]] = {"wav": "audio/wav", "flac": "audio/flac"}


def encode(waveform: Waveform, audio_format: AudioFormat) -> bytes:
    """A mono file with 16-bit samples at the waveform's own rate. Raises `NotFiniteOutput` for NaN or infinity."""
    if not np.isfinite(waveform.samples).all():
        raise errors.NotFiniteOutput("The speech holds NaN or infinite samples and cannot be stored.")
    pcm = np.rint(np.clip(waveform.samples, -1.0, 1.0) * 32_767.0).astype(np.int16)
    buffer = io.BytesIO()
    soundfile.write(buffer, pcm, waveform.sample_rate, format=audio_format.upper(), subtype="PCM_16")
    return buffer.getvalue()
