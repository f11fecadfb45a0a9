"""Audio files in and out: decode by content, judge, encode. Free of torch."""

from f5_tts_core.audio.checking import check
from f5_tts_core.audio.decoding import decode
from f5_tts_core.audio.encoding import encode
from f5_tts_core.audio.mixing import Recording, Source

__all__ = ["Recording", "Source", "check", "decode", "encode"]
