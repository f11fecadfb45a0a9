"""Encode finished speech. Same samples, same bytes: nothing written depends on time or chance."""

import io
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import BinaryIO, Final, Protocol

import av
import numpy as np
import numpy.typing as npt
import soundfile

from f5_tts_core import errors
from f5_tts_core.formats import AudioFormat, Encoding
from f5_tts_core.types import Waveform

Samples = npt.NDArray[np.float32]
#: Samples that libav is given at a time.
_PIECE: Final = 65_536
_OPTIONS: Final = {"fflags": "+bitexact"}
#: libav's names for samples, and the bits of those that are whole numbers.
_LAYOUTS: Final = {"float32": "flt", "int16": "s16", "int32": "s32"}
_WHOLE: Final = {"s16": 16, "s32": 24}
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


class Writer(Protocol):
    """One format's, for mono samples at the encoding's rate in [-1, 1]."""

    def add(self, samples: Samples) -> None: ...

    def finish(self) -> None:
        """Once, and last."""
        ...


def encode(
    speech: Waveform, audio_format: AudioFormat, *, bit_depth: int | None = None, bitrate: int | None = None
) -> bytes:
    """A mono file at the speech's own rate; samples beyond full scale are cut off there. `bitrate` in kbit/s.

    Raises `NotFiniteOutput` for NaN or infinity, `UnsupportedEncoding` for what the format cannot be.
    """
    encoding = Encoding.of(audio_format, speech.sample_rate, bit_depth, bitrate)
    require_finite(speech)
    buffer = io.BytesIO()
    writer = file_writer(buffer, encoding)
    writer.add(np.clip(speech.samples, -1.0, 1.0))
    writer.finish()
    return buffer.getvalue()


def file_writer(file: BinaryIO, encoding: Encoding) -> Writer:
    """Writes a whole file, which must be one to seek in. In how many pieces samples come makes no difference."""
    if encoding.bit_depth not in _FULL_SCALE:
        return LibavWriter(file, CODECS[encoding.format], encoding)
    return _PcmWriter(file) if encoding.format == "pcm" else _LibsndfileWriter(file, encoding)


def require_finite(speech: Waveform) -> None:
    """Raises `NotFiniteOutput`."""
    if not np.isfinite(speech.samples).all():
        raise errors.NotFiniteOutput("The speech holds NaN or infinite samples and cannot be stored.")


def quantized(samples: Samples, bits: int) -> npt.NDArray[np.signedinteger]:
    """Whole numbers of 16 bits, or of 24 in the upper part of 32."""
    whole = np.rint(samples.astype(np.float64) * _FULL_SCALE[bits])
    return whole.astype(np.int16) if bits == 16 else whole.astype(np.int32) << 8


class _PcmWriter:
    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def add(self, samples: Samples) -> None:
        self._file.write(quantized(samples, 16).astype("<i2").tobytes())

    def finish(self) -> None: ...


class _LibsndfileWriter:
    def __init__(self, file: BinaryIO, encoding: Encoding) -> None:
        assert encoding.bit_depth is not None  # noqa: S101 - of formats that keep samples
        self._bits = encoding.bit_depth
        subtype, container = f"PCM_{self._bits}", encoding.format.upper()
        self._file = soundfile.SoundFile(file, "w", encoding.sample_rate, 1, subtype, format=container)

    def add(self, samples: Samples) -> None:
        self._file.write(quantized(samples, self._bits))

    def finish(self) -> None:
        self._file.close()


class LibavWriter:
    def __init__(
        self, file: object, codec: Codec, encoding: Encoding, options: Mapping[str, str] | None = None
    ) -> None:
        """`file` is written to, and sought in where it can be. `options` are the container's."""
        self._bits = _WHOLE.get(codec.samples)
        self._output = av.open(file, "w", format=codec.container, options={**_OPTIONS, **(options or {})})
        self._stream = _add_stream(self._output, codec, encoding)
        self._stream.codec_context.open()
        frame_size = self._stream.codec_context.frame_size
        self._cutter = av.AudioResampler(self._stream.format, "mono", encoding.sample_rate, frame_size=frame_size)
        self._taken = 0

    def add(self, samples: Samples) -> None:
        for start in range(0, len(samples), _PIECE):
            self._encode(self._frame(samples[start : start + _PIECE]))

    def finish(self) -> None:
        if self._taken:
            self._encode(None)
        self._output.mux(self._stream.encode(None))
        self._output.close()

    def _encode(self, frame: "av.AudioFrame | None") -> None:
        for cut in self._cutter.resample(frame):
            self._output.mux(self._stream.encode(cut))

    def _frame(self, samples: Samples) -> "av.AudioFrame":
        taken = samples if self._bits is None else quantized(samples, self._bits)
        frame = av.AudioFrame.from_ndarray(taken[None], format=_LAYOUTS[taken.dtype.name], layout="mono")
        frame.sample_rate, frame.time_base = self._stream.rate, Fraction(1, self._stream.rate)
        frame.pts = self._taken
        self._taken += len(samples)
        return frame


def _add_stream(output: "av.container.OutputContainer", codec: Codec, encoding: Encoding) -> "av.AudioStream":
    """The only one of its container."""
    stream = output.add_stream(codec.encoder, rate=encoding.sample_rate, layout="mono", format=codec.samples)
    assert isinstance(stream, av.AudioStream)  # noqa: S101 - its type hangs on the encoder's name
    stream.codec_context.flags |= av.codec.context.Flags.bitexact
    if encoding.bitrate is not None:
        stream.bit_rate = encoding.bitrate * 1_000
    return stream
