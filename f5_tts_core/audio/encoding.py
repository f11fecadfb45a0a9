"""Encode finished speech. Same samples, same bytes: nothing written depends on time or chance."""

import io
from dataclasses import dataclass
from typing import Final

import av
import numpy as np
import numpy.typing as npt
import soundfile

from f5_tts_core import errors
from f5_tts_core.formats import AudioFormat, Encoding
from f5_tts_core.types import Waveform

Samples = npt.NDArray[np.float32]
#: Largest whole number of each depth, and the type that holds it. 24 bits lie in the upper part of 32.
_FULL_SCALE: Final = {16: 2**15 - 1, 24: 2**23 - 1}


@dataclass(frozen=True)
class Codec:
    """By libav's names: container, encoder, and the samples that it takes."""

    container: str
    encoder: str
    samples: str


#: libsndfile could write these too, but puts the time or a random number into each file.
CODECS: Final[dict[AudioFormat, Codec]] = {
    "wav": Codec("wav", "pcm_f32le", "flt"),
    "mp3": Codec("mp3", "libmp3lame", "fltp"),
    "opus": Codec("ogg", "libopus", "flt"),
    "aac": Codec("adts", "aac", "fltp"),
}


def encode(
    speech: Waveform, audio_format: AudioFormat, *, bit_depth: int | None = None, bitrate: int | None = None
) -> bytes:
    """A mono file at the speech's own rate; samples beyond full scale are cut off there. `bitrate` in kbit/s.

    Raises `NotFiniteOutput` for NaN or infinity, `UnsupportedEncoding` for what the format cannot be.
    """
    encoding = Encoding.of(audio_format, speech.sample_rate, bit_depth, bitrate)
    require_finite(speech)
    samples = np.clip(speech.samples, -1.0, 1.0)
    if encoding.bit_depth not in _FULL_SCALE:
        return _with_libav(samples, encoding)
    whole = quantized(samples, encoding.bit_depth)
    return whole.astype("<i2").tobytes() if encoding.format == "pcm" else _with_libsndfile(whole, encoding)


def require_finite(speech: Waveform) -> None:
    """Raises `NotFiniteOutput`."""
    if not np.isfinite(speech.samples).all():
        raise errors.NotFiniteOutput("The speech holds NaN or infinite samples and cannot be stored.")


def quantized(samples: Samples, bits: int) -> npt.NDArray[np.signedinteger]:
    """Whole numbers of 16 bits, or of 24 in the upper part of 32."""
    whole = np.rint(samples.astype(np.float64) * _FULL_SCALE[bits])
    return whole.astype(np.int16) if bits == 16 else whole.astype(np.int32) << 8


def _with_libsndfile(whole: npt.NDArray[np.signedinteger], encoding: Encoding) -> bytes:
    buffer = io.BytesIO()
    subtype = f"PCM_{encoding.bit_depth}"
    soundfile.write(buffer, whole, encoding.sample_rate, format=encoding.format.upper(), subtype=subtype)
    return buffer.getvalue()


def _with_libav(samples: Samples, encoding: Encoding) -> bytes:
    codec = CODECS[encoding.format]
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=codec.container, options={"fflags": "+bitexact"}) as output:
        stream = add_stream(output, codec, encoding)
        for frame in _frames(samples, stream):
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return buffer.getvalue()


def add_stream(output: "av.container.OutputContainer", codec: Codec, encoding: Encoding) -> "av.AudioStream":
    """The only one of its container."""
    stream = output.add_stream(codec.encoder, rate=encoding.sample_rate, layout="mono", format=codec.samples)
    assert isinstance(stream, av.AudioStream)  # noqa: S101 - its type hangs on the encoder's name
    stream.codec_context.flags |= av.codec.context.Flags.bitexact
    if encoding.bitrate is not None:
        stream.bit_rate = encoding.bitrate * 1_000
    return stream


def _frames(samples: Samples, stream: "av.AudioStream") -> "list[av.AudioFrame]":
    """As long as the codec's own frames are, and as it lays samples out."""
    if not len(samples):
        return []
    whole = av.AudioFrame.from_ndarray(samples[None], format="flt", layout="mono")
    whole.sample_rate, whole.pts = stream.rate, 0
    frame_size = stream.codec_context.frame_size
    cutter = av.AudioResampler(stream.format, stream.layout, stream.rate, frame_size=frame_size)
    return [*cutter.resample(whole), *cutter.resample(None)]
