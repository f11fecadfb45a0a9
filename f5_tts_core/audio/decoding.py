"""Decode an upload by its content: libsndfile where it knows the codec, else PyAV.

The file's name plays no part, nothing is run in a shell, and no decoder ever opens another file or address.
"""

import ctypes
import io
from collections.abc import Iterator
from contextlib import closing, suppress
from functools import cache
from typing import BinaryIO, Final

import av
import av._core
import numpy as np
import soundfile

from f5_tts_core import errors, limits
from f5_tts_core.audio.containers import ACCEPTED, sniff
from f5_tts_core.audio.mixing import Block, Mixdown, Recording, too_long

#: What libsndfile says of FLAC that was written as a stream, and cannot read to its end.
_ENDLESS: Final = 2**63 - 1
#: Samples, all channels together, that are decoded at a time.
_BLOCK_SAMPLES: Final = 65_536
#: Between two values of a 16-bit sample, where full scale is 1.
_INT16_STEP: Final = np.float32(1 / 32_768)
#: Demuxers of libavformat whose files go to PyAV at once. (libsndfile writes to stderr in these.)
_PYAV_ONLY: Final = frozenset({"mp3", "aac", "caf", "matroska", "mov"})
#: What PyAV may decode; everything else in libavcodec is attack surface that no voice recording needs.
_CODECS: Final = frozenset(
    {"aac", "alac", "flac", "mp2", "mp2float", "mp3", "mp3float", "opus", "libopus", "vorbis", "libvorbis"}
    | {"adpcm_ima_wav", "adpcm_ms", "amrnb", "amrwb"}
)


def decode(data: bytes | BinaryIO, *, max_seconds: float = limits.MAX_UPLOAD_SECONDS) -> Recording:
    """Mono float32 at 24 kHz, and measurements of what the file held.

    Reads a file object from its start. Raises `EmptyAudio`, `UndecodableAudio`, `UnsupportedAudioLayout`,
    `NotFiniteAudio`, and `TooLongAudio` as soon as the header or the decoded audio passes `max_seconds`.
    """
    file = _Nameless(io.BytesIO(data) if isinstance(data, bytes) else data)
    demuxer = _identify(file)
    if demuxer in _PYAV_ONLY:
        return _decode_with_pyav(file, demuxer, max_seconds)
    try:
        return _decode_with_libsndfile(file, max_seconds)
    except _UnknownToLibsndfileError:
        file.seek(0)
        return _decode_with_pyav(file, demuxer, max_seconds)


class _UnknownToLibsndfileError(Exception):
    """libsndfile does not know the container or its codec."""


class _Nameless:
    """A binary file without a name: decoders guess from names, and spooled files have odd ones."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.read, self.tell = file.read, file.tell

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        # Damaged files send decoders to before the start; an exception here would end up on stderr.
        with suppress(ValueError, OSError):
            self._file.seek(offset, whence)
        return self._file.tell()

    def readinto(self, buffer: memoryview) -> int:
        piece = self._file.read(len(buffer))
        buffer[: len(piece)] = piece
        return len(piece)

    def write(self, _: bytes) -> int:
        raise io.UnsupportedOperation("not writable")


def _identify(file: _Nameless) -> str:
    """The demuxer's name; leaves the file at its start."""
    file.seek(0)
    head = file.read(16)
    file.seek(0)
    if not head:
        raise errors.EmptyAudio("The audio file has 0 bytes; send a recording of a voice.")
    demuxer = sniff(head)
    if demuxer is None:
        raise errors.UndecodableAudio(f"The file is not audio of a kind we decode; {ACCEPTED} are accepted.")
    return demuxer


def _undecodable() -> errors.UndecodableAudio:
    return errors.UndecodableAudio(
        f"The audio file is damaged, or has a codec that we do not decode; {ACCEPTED} are accepted."
    )


# --- libsndfile ---------------------------------------------------------------------------------


def _decode_with_libsndfile(file: _Nameless, max_seconds: float) -> Recording:
    try:
        sound = soundfile.SoundFile(file)
    except Exception as error:
        raise _UnknownToLibsndfileError from error
    with closing(sound):
        if sound.frames == _ENDLESS:
            raise _UnknownToLibsndfileError
        mixdown = Mixdown(sound.samplerate, sound.channels, max_seconds)
        if sound.frames > max_seconds * sound.samplerate:
            raise too_long(max_seconds, sound.frames / sound.samplerate)
        for block in _libsndfile_blocks(sound):
            mixdown.add(block)
        return mixdown.finish()


def _libsndfile_blocks(sound: soundfile.SoundFile) -> Iterator[Block]:
    frames = _BLOCK_SAMPLES // sound.channels
    # What needs no converting is read in one piece; all else in many small ones, for each of which Python is called.
    is_plain = sound.subtype == "PCM_16"
    while True:
        try:
            block = sound.read(frames, dtype="int16" if is_plain else "float32", always_2d=True)
        except Exception as error:
            raise _undecodable() from error
        if not len(block):
            return
        yield block * _INT16_STEP if is_plain else block


# --- PyAV ---------------------------------------------------------------------------------------

#: libavformat opens nothing but our file, and gives up on files of more tracks than any recording has.
_CONTAINER_OPTIONS: Final = {"protocol_whitelist": "none", "max_streams": "8"}
#: Bytes of libav's largest single block: an index of a few bytes may otherwise claim gigabytes.
_LARGEST_BLOCK: Final = 8 * 1024 * 1024


@cache
def _bound_allocations() -> None:
    # PyAV has no name for this one; where it is linked otherwise than in its wheels, the other bounds remain.
    with suppress(AttributeError, OSError):
        ctypes.CDLL(av._core.__file__).av_max_alloc(ctypes.c_size_t(_LARGEST_BLOCK))


def _decode_with_pyav(file: _Nameless, demuxer: str, max_seconds: float) -> Recording:
    _bound_allocations()
    mixdown: Mixdown | None = None
    for rate, block in _pyav_blocks(file, demuxer, max_seconds):
        mixdown = mixdown or Mixdown(rate, block.shape[1], max_seconds)
        mixdown.add(block)
    if mixdown is None:
        raise errors.EmptyAudio("The audio file holds no sound; send a recording of a voice.")
    return mixdown.finish()


def _pyav_blocks(file: _Nameless, demuxer: str, max_seconds: float) -> Iterator[tuple[int, Block]]:
    """Pairs of a rate in Hz and samples [n, channels]. Whatever goes wrong inside is `UndecodableAudio`."""
    try:
        with av.open(file, "r", format=demuxer, container_options=_CONTAINER_OPTIONS) as container:
            stream = _audio_stream(container)
            if container.duration is not None and container.duration > max_seconds * av.time_base:
                raise too_long(max_seconds, container.duration / av.time_base)
            resampler = None
            for frame in container.decode(stream):
                resampler = resampler or av.AudioResampler("fltp", frame.layout, frame.sample_rate)
                for piece in resampler.resample(frame):
                    yield piece.sample_rate, np.ascontiguousarray(piece.to_ndarray().T)
    except errors.AudioError:
        raise
    except Exception as error:
        raise _undecodable() from error


def _audio_stream(container: "av.container.InputContainer") -> "av.AudioStream":
    if not container.streams.audio:
        raise errors.UndecodableAudio(f"The file holds no audio track; {ACCEPTED} are accepted.")
    stream = container.streams.audio[0]
    codec = stream.codec_context.name
    if codec not in _CODECS and not codec.startswith("pcm_"):
        raise errors.UndecodableAudio(f"The audio codec {codec} is not decoded here; {ACCEPTED} are accepted.")
    return stream
