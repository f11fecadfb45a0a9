"""Speech as it is kept between the making of it and the file that a client gets: small, and nothing lost to the ear."""

import io
from typing import Final

import numpy as np
import numpy.typing as npt
import soundfile

from f5_tts_core.audio.encoding import encode
from f5_tts_core.types import Waveform

CONTENT_TYPE: Final = "audio/flac"
#: At 16 a voice that whispers would lose to the rounding what it gains when it is made louder.
_BIT_DEPTH: Final = 24


def pack(speech: Waveform) -> bytes:
    """Raises `NotFiniteOutput`."""
    return encode(speech, "flac", bit_depth=_BIT_DEPTH)


def unpack(data: bytes) -> npt.NDArray[np.float32]:
    """Samples [n] at the rate they were packed at."""
    samples: npt.NDArray[np.float32] = soundfile.read(io.BytesIO(data), dtype="float32")[0]
    return samples
