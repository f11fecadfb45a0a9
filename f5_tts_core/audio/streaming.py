"""Encode speech while it is made: bytes that can be played as they come, and are a whole file once it ends."""

import struct
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt
import soxr

from f5_tts_core import limits
from f5_tts_core.audio.encoding import CODECS, Codec, LibavWriter, quantized
from f5_tts_core.formats import Encoding

Samples = npt.NDArray[np.float32]

#: By bits a sample. As a stream it does not know its length, which decoders but libsndfile take for what it is.
_FLAC: Final = {16: Codec("flac", "flac", "s16"), 24: Codec("flac", "flac", "s32")}
#: Each packet leaves at once.
_OPTIONS: Final = {"flush_packets": "1"}
#: By container: pages of Ogg after 0.2 s; of MP3's headers none, since they tell the whole length.
_CONTAINER_OPTIONS: Final = {"ogg": {"page_duration": "200000"}, "mp3": {"write_xing": "0", "id3v2_version": "0"}}
#: A length that no stream reaches: what players take for "until it ends".
_ENDLESS: Final = 2**32 - 1


class _Writer(Protocol):
    """One format's bytes for samples at the encoding's rate."""

    def add(self, samples: Samples) -> bytes: ...

    def finish(self) -> bytes: ...


class StreamEncoder:
    """Takes mono samples at 24 kHz, gives out bytes of `encoding`. Not thread-safe; `finish` last, and once."""

    def __init__(self, encoding: Encoding) -> None:
        bare = encoding.format in ("wav", "pcm")
        self._writer: _Writer = _BareWriter(encoding) if bare else _LibavStream(encoding)
        rate = encoding.sample_rate
        self._resampler = None if rate == limits.SAMPLE_RATE else soxr.ResampleStream(limits.SAMPLE_RATE, rate, 1)

    def add(self, samples: Samples) -> bytes:
        return self._writer.add(self._resampled(samples, last=False))

    def finish(self) -> bytes:
        rest = self._writer.add(self._resampled(np.zeros(0, np.float32), last=True))
        return rest + self._writer.finish()

    def _resampled(self, samples: Samples, *, last: bool) -> Samples:
        if self._resampler is None:
            return samples
        resampled: Samples = self._resampler.resample_chunk(samples, last=last)
        return resampled


class _BareWriter:
    """WAV and PCM: samples as they are, before them a header whose lengths are those of an endless file."""

    def __init__(self, encoding: Encoding) -> None:
        self._bits = encoding.bit_depth or 16
        self._header = _wav_header(encoding.sample_rate, self._bits) if encoding.format == "wav" else b""

    def add(self, samples: Samples) -> bytes:
        header, self._header = self._header, b""
        return header + _packed(np.clip(samples, -1.0, 1.0), self._bits)

    def finish(self) -> bytes:
        return b""


class _LibavStream:
    def __init__(self, encoding: Encoding) -> None:
        codec = CODECS[encoding.format] if encoding.bit_depth is None else _FLAC[encoding.bit_depth]
        self._sink = _Sink()
        options = {**_OPTIONS, **_CONTAINER_OPTIONS.get(codec.container, {})}
        self._writer = LibavWriter(self._sink, codec, encoding, options)

    def add(self, samples: Samples) -> bytes:
        self._writer.add(np.clip(samples, -1.0, 1.0))
        return self._sink.drain()

    def finish(self) -> bytes:
        self._writer.finish()
        return self._sink.drain()


class _Sink:
    """Where libav writes, without a way back."""

    def __init__(self) -> None:
        self._written = bytearray()

    def write(self, data: bytes) -> int:
        self._written += data
        return len(data)

    def drain(self) -> bytes:
        drained, self._written = bytes(self._written), bytearray()
        return drained


def _packed(samples: Samples, bits: int) -> bytes:
    if bits == 32:
        return samples.astype("<f4").tobytes()
    whole = quantized(samples, bits)
    if bits == 16:
        return whole.astype("<i2").tobytes()
    return whole.astype("<i4").view(np.uint8).reshape(-1, 4)[:, 1:].tobytes()


def _wav_header(sample_rate: int, bits: int) -> bytes:
    size = bits // 8
    kind = 3 if bits == 32 else 1
    layout = struct.pack("<4sIHHIIHH", b"fmt ", 16, kind, 1, sample_rate, sample_rate * size, size, bits)
    return struct.pack("<4sI4s", b"RIFF", _ENDLESS, b"WAVE") + layout + struct.pack("<4sI", b"data", _ENDLESS)
