"""Wrong, damaged and hostile uploads, and what each must be answered with. One table for every layer.

`expected` None means that the damage is benign: enough speech is left, and the upload must be accepted.
Everything is made on the spot from speech-like noise; nothing here is anybody's voice.
"""

import io
import struct
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import av
import numpy as np
import numpy.typing as npt
import soundfile

from f5_tts_core import errors, limits
from f5_tts_core.testing import speech_like, wav_bytes

RATE = limits.SAMPLE_RATE


@dataclass(frozen=True)
class Upload:
    name: str
    make: Callable[[], bytes]
    expected: type[errors.AudioError] | None

    def __str__(self) -> str:
        return self.name


# --- healthy files to damage --------------------------------------------------------------------


@cache
def speech() -> npt.NDArray[np.float32]:
    """Three seconds, shape [72000]."""
    return speech_like(3.0, seed=7).samples


@cache
def good_wav() -> bytes:
    return wav_bytes(speech())


@cache
def good(file_format: str, subtype: str) -> bytes:
    """By libsndfile's names."""
    return wav_bytes(speech(), file_format=file_format, subtype=subtype)


@cache
def muxed(container: str, codec: str, rate: int = 48_000) -> bytes:
    """By libav's names, mono."""
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=container) as output:
        stream = output.add_stream(codec, rate=rate)
        stream.layout = "mono"
        for frame in _frames(stream, rate):
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return buffer.getvalue()


def _frames(stream: av.AudioStream, rate: int) -> list[av.AudioFrame]:
    pcm = (speech()[None] * 32_767).astype(np.int16)
    frame = av.AudioFrame.from_ndarray(pcm, format="s16", layout="mono")
    frame.sample_rate, frame.pts = RATE, 0
    resampler = av.AudioResampler(stream.format, stream.layout, rate, frame_size=stream.codec_context.frame_size)
    return [*resampler.resample(frame), *resampler.resample(None)]


# --- ways to damage them ------------------------------------------------------------------------


def cut(data: bytes, share: float) -> bytes:
    return data[: round(len(data) * share)]


def flipped(data: bytes, seed: int, count: int, start: int = 0) -> bytes:
    """`count` bits turned over at random places from `start` on."""
    generator = np.random.default_rng(seed)
    damaged = bytearray(data)
    for place in generator.integers(start, len(damaged), count):
        damaged[place] ^= 1 << int(generator.integers(8))
    return bytes(damaged)


def header(
    *,
    channels: int = 1,
    rate: int = RATE,
    bits: int = 16,
    codec: int = 1,
    claimed: int | None = None,
    data: bytes = b"",
) -> bytes:
    """A WAV file with any lie in its header; `claimed` is the data chunk's size."""
    claimed = len(data) if claimed is None else claimed
    align = channels * bits // 8
    form = struct.pack("<HHIIHH", codec, channels, rate, (rate * align) & 0xFFFFFFFF, align & 0xFFFF, bits)
    body = b"WAVEfmt " + struct.pack("<I", len(form)) + form + b"data" + struct.pack("<I", claimed & 0xFFFFFFFF) + data
    return b"RIFF" + struct.pack("<I", min(len(body) + claimed - len(data), 0xFFFFFFFF)) + body


def with_riff_size(size: int) -> bytes:
    return good_wav()[:4] + struct.pack("<I", size) + good_wav()[8:]


def with_data_size(size: int) -> bytes:
    at = good_wav().index(b"data") + 4
    return good_wav()[:at] + struct.pack("<I", size) + good_wav()[at + 4 :]


def floats(values: npt.ArrayLike, subtype: str = "FLOAT") -> bytes:
    return wav_bytes(np.asarray(values), subtype=subtype)


def speech_with(value: float) -> npt.NDArray[np.float32]:
    """Speech with one sample replaced, in the middle."""
    samples = speech().copy()
    samples[len(samples) // 2] = value
    return samples


def pcm() -> bytes:
    return (speech() * 32_767).astype("<i2").tobytes()


@cache
def silence(file_format: str, subtype: str, seconds: int) -> bytes:
    """A bomb: long, and yet a file of a few hundred kilobytes at most."""
    buffer = io.BytesIO()
    with soundfile.SoundFile(buffer, "w", 8_000, 1, subtype=subtype, format=file_format) as sound:
        for _ in range(seconds):
            sound.write(np.zeros(8_000, np.float32))
    return buffer.getvalue()


def mp3_that_goes_on_for_an_hour() -> bytes:
    """Its header speaks of the first ten seconds only."""
    return silence("MP3", "MPEG_LAYER_III", 10) * 360


def flac_claiming_an_hour() -> bytes:
    """STREAMINFO's 36-bit sample count, at bytes 21 to 25, set to 3600 s."""
    data = bytearray(good("FLAC", "PCM_16"))
    count = 3_600 * RATE
    data[21] = (data[21] & 0xF0) | (count >> 32)
    data[22:26] = struct.pack(">I", count & 0xFFFFFFFF)
    return bytes(data)


def video_without_sound() -> bytes:
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as output:
        stream = output.add_stream("mpeg4", rate=10)
        stream.width = stream.height = 32
        stream.pix_fmt = "yuv420p"
        for index in range(5):
            frame = av.VideoFrame.from_ndarray(np.full((32, 32, 3), index * 40, np.uint8), format="rgb24")
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return buffer.getvalue()


def zipped() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("voice.wav", good_wav())
    return buffer.getvalue()


def noise(size: int, seed: int) -> bytes:
    return np.random.default_rng(seed).bytes(size)


def mp4_with_an_outside_reference() -> bytes:
    """A data reference box that names another file in place of "this file"."""
    data = muxed("mp4", "aac")
    return data.replace(b"url \x00\x00\x00\x01", b"url \x00\x00\x00\x00")


def mp4_with_a_huge_index() -> bytes:
    """A sample table of a few bytes that claims twenty million samples: half a gigabyte of index."""
    data = bytearray(muxed("ipod", "aac"))
    count = struct.pack(">I", 20_000_000)
    sizes, times, chunks = data.index(b"stsz"), data.index(b"stts"), data.index(b"stsc")
    data[sizes + 8 : sizes + 16] = struct.pack(">I", 1) + count
    data[times + 12 : times + 16] = count
    data[chunks + 16 : chunks + 20] = count
    return bytes(data)


# --- texts that make demuxers open other things -------------------------------------------------

M3U8 = b"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n"
M3U8_REMOTE = b"#EXTM3U\n#EXTINF:10,\nhttp://169.254.169.254/latest/meta-data/\n"
CONCAT = b"ffconcat version 1.0\nfile '/etc/passwd'\n"
DASH = b'<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011"><BaseURL>file:///etc/</BaseURL></MPD>'
SDP = b"v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 5004 RTP/AVP 0\n"
PLS = b"[playlist]\nNumberOfEntries=1\nFile1=file:///etc/passwd\n"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>'
XXE = b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>'
PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x02\x00\x00\x00"

_UNDECODABLE = errors.UndecodableAudio
_TOO_LONG = errors.TooLongAudio
_LAYOUT = errors.UnsupportedAudioLayout
_time = np.arange(3 * RATE) / RATE

UPLOADS = [
    # Nothing, or hardly anything.
    Upload("zero bytes", lambda: b"", errors.EmptyAudio),
    Upload("one byte", lambda: b"R", _UNDECODABLE),
    Upload("only RIFF", lambda: b"RIFF", _UNDECODABLE),
    Upload("WAV header alone", header, errors.EmptyAudio),
    Upload("WAV cut inside its header", lambda: good_wav()[:20], _UNDECODABLE),
    Upload("WAV cut before its data", lambda: good_wav()[:36], _UNDECODABLE),
    Upload("one sample", lambda: floats([0.5]), errors.TooShortAudio),
    Upload("a tenth of a second", lambda: wav_bytes(speech()[: RATE // 10]), errors.TooShortAudio),
    Upload("FLAC header alone", lambda: good("FLAC", "PCM_16")[:42], _UNDECODABLE),
    Upload("OGG cut to its first page", lambda: good("OGG", "VORBIS")[:58], _UNDECODABLE),
    Upload("MP4 header alone", lambda: muxed("mp4", "aac")[:32], _UNDECODABLE),
    # Truncated.
    Upload("WAV cut to a fifth", lambda: cut(good_wav(), 0.2), errors.TooShortAudio),
    Upload("WAV cut to two thirds", lambda: cut(good_wav(), 0.67), None),
    Upload("WAV cut in the middle of a sample", lambda: good_wav()[:-1], None),
    Upload("FLAC cut to a tenth", lambda: cut(good("FLAC", "PCM_16"), 0.1), _UNDECODABLE),
    Upload("FLAC cut to two thirds", lambda: cut(good("FLAC", "PCM_16"), 0.67), _UNDECODABLE),
    Upload("MP3 cut to a tenth", lambda: cut(good("MP3", "MPEG_LAYER_III"), 0.1), errors.TooShortAudio),
    Upload("MP3 cut to two thirds", lambda: cut(good("MP3", "MPEG_LAYER_III"), 0.67), None),
    Upload("Opus cut to two thirds", lambda: cut(muxed("ogg", "libopus"), 0.67), None),
    Upload("AAC cut to two thirds", lambda: cut(muxed("adts", "aac"), 0.67), _UNDECODABLE),
    Upload("WebM cut to two thirds", lambda: cut(muxed("webm", "libopus"), 0.67), None),
    Upload("M4A cut to a half loses its index", lambda: cut(muxed("ipod", "aac"), 0.5), _UNDECODABLE),
    # Not numbers, or numbers that mean no sound.
    Upload("one NaN", lambda: floats(speech_with(np.nan)), errors.NotFiniteAudio),
    Upload("all NaN", lambda: floats(np.full(3 * RATE, np.nan, np.float32)), errors.NotFiniteAudio),
    Upload("one infinity", lambda: floats(speech_with(np.inf)), errors.NotFiniteAudio),
    Upload("negative infinity", lambda: floats(speech_with(-np.inf)), errors.NotFiniteAudio),
    Upload(
        "doubles past the range of floats", lambda: floats(np.full(3 * RATE, 1e300), "DOUBLE"), errors.NotFiniteAudio
    ),
    Upload("floats of 1e38", lambda: floats(speech() * np.float32(1e38)), errors.ClippedAudio),
    Upload("integers written as floats", lambda: floats(speech() * 32_767), errors.ClippedAudio),
    Upload("silence", lambda: floats(np.zeros(3 * RATE)), errors.SilentAudio),
    Upload("silence in stereo", lambda: floats(np.zeros((3 * RATE, 2))), errors.SilentAudio),
    Upload(
        "silence as MP3", lambda: wav_bytes(np.zeros(3 * RATE), file_format="MP3", subtype=None), errors.SilentAudio
    ),
    Upload("a constant offset", lambda: floats(np.full(3 * RATE, 0.4)), errors.SilentAudio),
    Upload("dither alone", lambda: floats(np.random.default_rng(0).normal(0, 3e-5, 3 * RATE)), errors.SilentAudio),
    Upload("far too quiet", lambda: floats(speech() * 0.01), errors.TooQuietAudio),
    Upload("clipped to a square", lambda: floats(np.sign(np.sin(2 * np.pi * 150 * _time))), errors.ClippedAudio),
    Upload("a single click", lambda: floats(np.eye(1, 3 * RATE, RATE)[0]), errors.TooShortAudio),
    Upload(
        "half a second in silence", lambda: floats(np.pad(speech()[: RATE // 2], (RATE, RATE))), errors.TooShortAudio
    ),
    Upload("channels that cancel out", lambda: floats(np.stack([speech(), -speech()], axis=1)), None),
    Upload("one silent channel", lambda: floats(np.stack([np.zeros(3 * RATE), speech()], axis=1)), None),
    Upload("speech on an offset", lambda: floats(speech() + 0.3), None),
    # Too long.
    Upload("two minutes and a bit", lambda: wav_bytes(np.zeros(121 * 8_000), 8_000), _TOO_LONG),
    Upload("an hour of silence as FLAC", lambda: silence("FLAC", "PCM_16", 3_600), _TOO_LONG),
    Upload("over two minutes of silence as Opus", lambda: silence("OGG", "OPUS", 125), _TOO_LONG),
    Upload("an hour of silence as MP3", mp3_that_goes_on_for_an_hour, _TOO_LONG),
    Upload("a header that claims an hour", flac_claiming_an_hour, _TOO_LONG),
    # Layouts.
    Upload("200 channels", lambda: wav_bytes(np.zeros((RATE, 200))), _LAYOUT),
    Upload("9 channels", lambda: wav_bytes(np.zeros((RATE, 9))), _LAYOUT),
    Upload("0 channels", lambda: header(channels=0, data=pcm()), _UNDECODABLE),
    Upload("65535 channels", lambda: header(channels=65_535, data=pcm()), _UNDECODABLE),
    Upload("a rate of 0", lambda: header(rate=0, data=pcm()), _UNDECODABLE),
    Upload("a rate of 1 Hz", lambda: header(rate=1, data=pcm()), _LAYOUT),
    Upload("a rate of 4 kHz", lambda: wav_bytes(speech(), 4_000), _LAYOUT),
    Upload("a rate of 600 kHz", lambda: wav_bytes(speech(), 600_000), _LAYOUT),
    Upload("a rate of 4 GHz", lambda: header(rate=4_000_000_000, data=pcm()), _UNDECODABLE),
    Upload("0 bits", lambda: header(bits=0, data=pcm()), _UNDECODABLE),
    Upload("1000 bits", lambda: header(bits=1_000, data=pcm()), _UNDECODABLE),
    Upload("a codec that nobody has", lambda: header(codec=0xBEEF, data=pcm()), _UNDECODABLE),
    # Headers that lie harmlessly.
    Upload("data size 0xFFFFFFFF, as streamed", lambda: with_data_size(0xFFFFFFFF), None),
    Upload("data size too large", lambda: with_data_size(100_000_000), None),
    Upload("RIFF size 0", lambda: with_riff_size(0), None),
    Upload("RIFF size too large", lambda: with_riff_size(0x7FFFFFFF), None),
    Upload("junk after the end", lambda: good_wav() + noise(5_000, 1), None),
    # Not audio, whatever it is called.
    Upload("HLS playlist", lambda: M3U8, _UNDECODABLE),
    Upload("HLS playlist of an address", lambda: M3U8_REMOTE, _UNDECODABLE),
    Upload("concat script", lambda: CONCAT, _UNDECODABLE),
    Upload("DASH manifest", lambda: DASH, _UNDECODABLE),
    Upload("SDP", lambda: SDP, _UNDECODABLE),
    Upload("PLS playlist", lambda: PLS, _UNDECODABLE),
    Upload("SVG", lambda: SVG, _UNDECODABLE),
    Upload("XML with an external entity", lambda: XXE, _UNDECODABLE),
    Upload("HTML", lambda: b"<!doctype html><title>Not found</title>", _UNDECODABLE),
    Upload("JSON", lambda: b'{"error": "not found"}', _UNDECODABLE),
    Upload("text", lambda: b"This is not audio. " * 50, _UNDECODABLE),
    Upload("PNG", lambda: PNG + noise(500, 2), _UNDECODABLE),
    Upload("PDF", lambda: b"%PDF-1.7\n" + noise(500, 3), _UNDECODABLE),
    Upload("ELF", lambda: b"\x7fELF\x02\x01\x01" + noise(500, 4), _UNDECODABLE),
    Upload("ZIP", zipped, _UNDECODABLE),
    Upload("gzip", lambda: b"\x1f\x8b\x08\x00" + noise(500, 5), _UNDECODABLE),
    Upload("random bytes", lambda: b"\x00" + noise(50_000, 6), _UNDECODABLE),
    Upload("random bytes after RIFF/WAVE", lambda: b"RIFF\xff\xff\x00\x00WAVE" + noise(50_000, 7), _UNDECODABLE),
    Upload("random bytes after OggS", lambda: b"OggS" + noise(50_000, 8), _UNDECODABLE),
    Upload("random bytes after fLaC", lambda: b"fLaC" + noise(50_000, 9), _UNDECODABLE),
    Upload("random bytes after ftyp", lambda: b"\x00\x00\x00\x20ftypM4A " + noise(50_000, 10), _UNDECODABLE),
    Upload("random bytes after EBML", lambda: b"\x1aE\xdf\xa3" + noise(50_000, 11), _UNDECODABLE),
    Upload("video without sound", video_without_sound, _UNDECODABLE),
    Upload("MP4 that names an outside file", mp4_with_an_outside_reference, None),
    Upload("MP4 with a huge index", mp4_with_a_huge_index, errors.EmptyAudio),
    # Damaged inside.
    Upload("WAV with 50 bits turned over", lambda: flipped(good_wav(), 1, 50, start=44), None),
    Upload("MP3 renamed to anything", lambda: good("MP3", "MPEG_LAYER_III"), None),
    Upload("M4A renamed to anything", lambda: muxed("ipod", "aac"), None),
]
