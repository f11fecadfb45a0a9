"""Numbers that the API, the engine and the documentation must agree on. Free of torch."""

from typing import Final

#: Hz. What F5-TTS and Vocos were trained on; every waveform inside the engine has this rate.
SAMPLE_RATE: Final = 24_000
#: Samples between two mel frames, and the mel's shape. Fixed by the checkpoints.
HOP_LENGTH: Final = 256
N_FFT: Final = 1024
N_MELS: Final = 100
#: Mel frames in a second of audio: 93.75.
FRAMES_PER_SECOND: Final = SAMPLE_RATE / HOP_LENGTH

#: Seconds of speech left after trimming below which a voice cannot be followed.
MIN_REFERENCE_SECONDS: Final = 0.8
#: Seconds of silence kept before and after the speech of a reference; models are trained on as much.
EDGE_SECONDS: Final = 0.05
#: Seconds beyond which an upload is refused unread; shorter ones are cut to what the model takes.
MAX_UPLOAD_SECONDS: Final = 120.0
#: Bytes of an upload.
MAX_UPLOAD_BYTES: Final = 20 * 1024 * 1024
MAX_CHANNELS: Final = 8
MIN_SAMPLE_RATE: Final = 8_000
MAX_SAMPLE_RATE: Final = 192_000

#: Seconds of reference that a model was trained to follow, unless its manifest says otherwise.
DEFAULT_REFERENCE_SECONDS: Final = 12.0
#: Seconds of reference and speech together that one forward may hold, unless its manifest says otherwise.
DEFAULT_TOTAL_SECONDS: Final = 25.0

MAX_TEXT_CHARACTERS: Final = 4_096
#: Of a text that is spoken a chunk at a time: a chapter, an hour and a half.
MAX_LONG_TEXT_CHARACTERS: Final = 100_000
MAX_REFERENCE_TEXT_CHARACTERS: Final = 1_000
MIN_SPEED: Final = 0.5
MAX_SPEED: Final = 2.0
MIN_NFE_STEP: Final = 1
MAX_NFE_STEP: Final = 64
MAX_CFG_STRENGTH: Final = 10.0
MAX_SEED: Final = 2**32 - 1
#: LUFS that speech may be brought to.
MIN_LOUDNESS: Final = -30.0
MAX_LOUDNESS: Final = -5.0

#: Root mean square that a reference quieter than it is raised to (F5-TTS's own value).
TARGET_RMS: Final = 0.1

#: Solver steps behind each preset's name.
PRESETS: Final[dict[str, int]] = {"quality": 32, "balanced": 16, "fast": 7}
DEFAULT_PRESET: Final = "balanced"
DEFAULT_CFG_STRENGTH: Final = 2.0
DEFAULT_SWAY_COEF: Final = -1.0
DEFAULT_CROSS_FADE_SECONDS: Final = 0.15
