"""What finished speech can be written as, and which rates, depths and bitrates go together. Free of torch."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, Self

from f5_tts_core.errors import UnsupportedEncoding

AudioFormat = Literal["wav", "flac", "mp3", "opus", "aac", "pcm"]

#: Hz.
SAMPLE_RATES: Final = (8_000, 16_000, 22_050, 24_000, 44_100, 48_000)
#: Bits a sample. 32 is floating point.
BIT_DEPTHS: Final = (16, 24, 32)
#: Of a WAV's samples, by their bits: RFC 2361's numbers of the codecs.
_WAV_CODECS: Final = {16: 1, 24: 1, 32: 3}
#: kbit/s that any lossy format takes at any rate.
MIN_BITRATE: Final = 6
MAX_BITRATE: Final = 320

#: The bitrates that MPEG's three audio versions have words for, by the lowest rate in Hz of each.
_MP3_BITRATES: Final = {
    32_000: (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    16_000: (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    8_000: (8, 16, 24, 32, 40, 48, 56, 64),
}
_AAC_MIN_BITRATE: Final = 16
_OPUS_MAX_BITRATE: Final = 256
#: An AAC frame has room for 6, but the encoder finds use for few more than these.
_AAC_BITS_A_SAMPLE: Final = 4


@dataclass(frozen=True)
class Format:
    """One container and codec, always mono."""

    content_type: str
    #: Hz.
    sample_rates: tuple[int, ...] = SAMPLE_RATES
    #: Bits a sample, what is taken where none is named first; none where the codec keeps no samples.
    bit_depths: tuple[int, ...] = ()
    #: kbit/s where none is named; None where nothing is lost.
    bitrate: int | None = None


FORMATS: Final[dict[AudioFormat, Format]] = {
    "wav": Format("audio/wav", bit_depths=(16, 24, 32)),
    "flac": Format("audio/flac", bit_depths=(16, 24)),
    "mp3": Format("audio/mpeg", bitrate=96),
    # In Ogg. The codec has rates of its own.
    "opus": Format("audio/ogg", (8_000, 16_000, 24_000, 48_000), bitrate=48),
    # In ADTS: frames that can be played as they come.
    "aac": Format("audio/aac", bitrate=96),
    # Nothing but samples: signed, little-endian.
    "pcm": Format("audio/pcm", bit_depths=(16,)),
}


@dataclass(frozen=True)
class Encoding:
    """How speech is written, to the last choice. Made by `of`, which refuses what does not go together."""

    format: AudioFormat
    sample_rate: int
    #: None where the codec keeps no samples.
    bit_depth: int | None
    #: kbit/s; None where nothing is lost.
    bitrate: int | None

    @classmethod
    def of(
        cls,
        audio_format: AudioFormat,
        sample_rate: int,
        bit_depth: int | None = None,
        bitrate: int | None = None,
    ) -> Self:
        """What is left out is chosen. Raises `UnsupportedEncoding` for what the format cannot be."""
        rates = FORMATS[audio_format].sample_rates
        _require("sample_rate", sample_rate, rates, f"{audio_format} has no sample rate of {sample_rate} Hz")
        return cls(
            audio_format, sample_rate, _bit_depth(audio_format, bit_depth), _bitrate(audio_format, sample_rate, bitrate)
        )

    @property
    def media_type(self) -> str:
        """What such a file is stored as: the format's content type, and of a WAV the codec in it.

        SeaweedFS packs what is called a WAV and nothing more. That takes longer than storing it, and saves a tenth.
        """
        plain = FORMATS[self.format].content_type
        return f"{plain}; codecs={_WAV_CODECS[self.bit_depth]}" if self.format == "wav" and self.bit_depth else plain


def bitrates(audio_format: AudioFormat, sample_rate: int) -> Sequence[int]:
    """kbit/s that the format takes at a rate in Hz, ascending; none where nothing is lost."""
    if audio_format == "mp3":
        return next(choices for lowest, choices in _MP3_BITRATES.items() if sample_rate >= lowest)
    if audio_format == "aac":
        return range(_AAC_MIN_BITRATE, _AAC_BITS_A_SAMPLE * sample_rate // 1_000 + 1)
    return range(MIN_BITRATE, _OPUS_MAX_BITRATE + 1) if audio_format == "opus" else ()


def _bit_depth(audio_format: AudioFormat, asked: int | None) -> int | None:
    depths = FORMATS[audio_format].bit_depths
    if asked is None:
        return depths[0] if depths else None
    _require("bit_depth", asked, depths, f"{audio_format} has no bit depth of {asked}")
    return asked


def _bitrate(audio_format: AudioFormat, sample_rate: int, asked: int | None) -> int | None:
    choices = bitrates(audio_format, sample_rate)
    usual = FORMATS[audio_format].bitrate
    if asked is None:
        return usual and min(usual, choices[-1])
    _require("bitrate", asked, choices, f"{audio_format} at {sample_rate} Hz has no bitrate of {asked} kbit/s")
    return asked


def _require(field: str, asked: int, accepted: Sequence[int], complaint: str) -> None:
    if asked not in accepted:
        raise UnsupportedEncoding(f"`{field}`: {complaint}.", field=field, accepted=_in_words(accepted))


def _in_words(accepted: Sequence[int]) -> str:
    if not accepted:
        return "none: leave it out"
    if isinstance(accepted, range):
        return f"{accepted[0]} to {accepted[-1]}"
    return "one of " + ", ".join(map(str, accepted)) if len(accepted) > 1 else str(accepted[0])
