"""What finished speech is written as: every format at every rate, depth and bitrate, and back through our decoder."""

import io
from collections.abc import Iterator

import av
import numpy as np
import numpy.typing as npt
import pytest
import soundfile
import soxr

from f5_tts_core import errors
from f5_tts_core.audio import decode, encode
from f5_tts_core.formats import BIT_DEPTHS, FORMATS, SAMPLE_RATES, AudioFormat, Encoding, bitrates
from f5_tts_core.testing import speech_like
from f5_tts_core.types import Waveform

Samples = npt.NDArray[np.float32]

#: Samples of one frame, of which AAC in ADTS has up to two too many: nothing in it says where the sound starts.
AAC_FRAME = 1_024


def lossless() -> Iterator[Encoding]:
    for name, audio_format in FORMATS.items():
        for rate in audio_format.sample_rates:
            for depth in audio_format.bit_depths:
                yield Encoding.of(name, rate, depth)


def lossy() -> Iterator[Encoding]:
    """With the usual bitrate, the least and the most."""
    for name, audio_format in FORMATS.items():
        for rate in audio_format.sample_rates if audio_format.bitrate else ():
            choices = bitrates(name, rate)
            for bitrate in (None, choices[0], choices[-1]):
                yield Encoding.of(name, rate, bitrate=bitrate)


def written(audio: Waveform, encoding: Encoding) -> bytes:
    assert audio.sample_rate == encoding.sample_rate
    return encode(audio, encoding.format, bit_depth=encoding.bit_depth, bitrate=encoding.bitrate)


def named(encoding: Encoding) -> str:
    return f"{encoding.format}-{encoding.sample_rate}-{encoding.bit_depth or encoding.bitrate}"


def speech(rate: int, seconds: float = 2.0) -> Waveform:
    return Waveform(soxr.resample(speech_like(seconds, seed=7).samples, 24_000, rate), rate)


def read_back(data: bytes, encoding: Encoding) -> Samples:
    """At the file's own rate."""
    if encoding.format == "pcm":
        return (np.frombuffer(data, "<i2") / 32_767).astype(np.float32)
    samples, rate = soundfile.read(io.BytesIO(data), dtype="float32")
    assert rate == encoding.sample_rate
    return np.asarray(samples, np.float32)


def levels(samples: Samples) -> npt.NDArray[np.float64]:
    """Of each 40 ms in each of 12 bands up to 3.4 kHz, in dB; at 24 kHz."""
    frames = samples[: len(samples) // 960 * 960].reshape(-1, 960)
    power = np.square(np.abs(np.fft.rfft(frames * np.hanning(960)))[:, 4:136])
    return 10 * np.log10(power.reshape(len(frames), 12, 11).mean(axis=2) + 1e-6)


class TestRoundTrip:
    @pytest.mark.parametrize("encoding", [*lossless()], ids=named)
    def test_what_loses_nothing_keeps_every_sample_within_half_a_step(self, encoding: Encoding) -> None:
        said = speech(encoding.sample_rate)
        heard = read_back(written(said, encoding), encoding)
        assert len(heard) == len(said.samples)
        step = {16: 2.0**-15, 24: 2.0**-23, 32: 2.0**-24}[encoding.bit_depth or 0]
        # libsndfile reads 32768 as full scale, and a float holds 24 bits.
        np.testing.assert_allclose(heard, said.samples, atol=step * 1.2, rtol=2**-15)

    @pytest.mark.parametrize("encoding", [*lossy()], ids=named)
    def test_what_loses_something_keeps_length_level_and_spectrum(self, encoding: Encoding) -> None:
        said = speech(encoding.sample_rate)
        heard = decode(written(said, encoding))
        longer = (heard.seconds - said.seconds) * encoding.sample_rate
        assert -1 <= longer <= (2 * AAC_FRAME if encoding.format == "aac" else 1)
        starts = round(AAC_FRAME / encoding.sample_rate * 24_000) if encoding.format == "aac" else 0
        mine, theirs = levels(speech(24_000).samples), levels(heard.samples[starts:])
        count = min(len(mine), len(theirs))
        alike = np.corrcoef(mine[:count].ravel(), theirs[:count].ravel())[0, 1]
        lowest = encoding.bitrate == bitrates(encoding.format, encoding.sample_rate)[0]
        assert alike > (0.75 if lowest else 0.95)
        assert np.median(theirs[:count] - mine[:count]) == pytest.approx(0, abs=3 if lowest else 1)

    @pytest.mark.parametrize("encoding", [*lossy()], ids=named)
    def test_the_bitrate_is_what_was_asked_for(self, encoding: Encoding) -> None:
        seconds = 10.0
        noise = np.random.default_rng(1).normal(0, 0.1, round(seconds * encoding.sample_rate)).astype(np.float32)
        data = written(Waveform(noise, encoding.sample_rate), encoding)
        kbits = len(data) * 8 / 1_000 / seconds
        assert encoding.bitrate is not None
        # ADTS spends 7 bytes a frame on its own header, and Opus counts such things in.
        assert 0.75 * encoding.bitrate < kbits < 1.1 * encoding.bitrate + 3

    @pytest.mark.parametrize("encoding", [*lossless(), *lossy()], ids=named)
    def test_same_samples_same_bytes(self, encoding: Encoding) -> None:
        said = speech(encoding.sample_rate, seconds=0.5)
        assert written(said, encoding) == written(Waveform(said.samples.copy(), said.sample_rate), encoding)

    def test_nothing_in_a_file_tells_when_it_was_made(self) -> None:
        """libsndfile's float WAV holds the second, its Ogg a random number, libavformat's MP3 its own version."""
        for encoding in [*lossless(), *lossy()]:
            data = written(speech(encoding.sample_rate, seconds=0.5), encoding)
            assert b"PEAK" not in data[:200]
            assert b"Lavf6" not in data[:200]

    @pytest.mark.parametrize("seconds", [0.0, 0.001, 0.05])
    def test_the_shortest_of_sounds_can_be_written(self, seconds: float) -> None:
        for name in FORMATS:
            samples = np.full(round(seconds * 24_000), 0.1, np.float32)
            assert isinstance(encode(Waveform(samples), name), bytes)


class TestContainers:
    @pytest.mark.parametrize(
        ("name", "start"),
        [("wav", b"RIFF"), ("flac", b"fLaC"), ("mp3", b"ID3"), ("opus", b"OggS"), ("aac", b"\xff\xf1")],
    )
    def test_a_file_is_what_it_is_called(self, name: AudioFormat, start: bytes) -> None:
        assert encode(speech(24_000), name).startswith(start)

    def test_wav_is_sixteen_bits_mono_at_24_khz(self) -> None:
        data = encode(speech(24_000), "wav")
        assert int.from_bytes(data[22:24], "little") == 1
        assert int.from_bytes(data[24:28], "little") == 24_000
        assert int.from_bytes(data[34:36], "little") == 16
        assert len(data) == 44 + 2 * 48_000

    def test_opus_lies_in_ogg_and_names_the_rate_it_came_from(self) -> None:
        data = encode(speech(16_000), "opus")
        head = data[data.index(b"OpusHead") :]
        assert int.from_bytes(head[12:16], "little") == 16_000
        with av.open(io.BytesIO(data)) as file:
            assert (file.format.name, file.streams.audio[0].codec_context.name) == ("ogg", "opus")

    def test_loud_samples_are_cut_off_and_not_wrapped_around(self) -> None:
        loud = Waveform(np.array([2.0, -2.0, 0.0], np.float32))
        for encoding in (Encoding.of(name, 24_000, depth) for name, depth in [("wav", 16), ("wav", 24), ("pcm", 16)]):
            np.testing.assert_allclose(read_back(written(loud, encoding), encoding), [1, -1, 0], atol=1e-3)

    @pytest.mark.parametrize("name", FORMATS)
    def test_nan_is_never_stored(self, name: AudioFormat) -> None:
        with pytest.raises(errors.NotFiniteOutput):
            encode(Waveform(np.array([np.nan], np.float32)), name)


class TestChoices:
    @pytest.mark.parametrize(
        ("choice", "field", "accepted"),
        [
            (("wav", 11_025, None, None), "sample_rate", "one of 8000, 16000, 22050, 24000, 44100, 48000"),
            (("opus", 44_100, None, None), "sample_rate", "one of 8000, 16000, 24000, 48000"),
            (("wav", 24_000, 8, None), "bit_depth", "one of 16, 24, 32"),
            (("flac", 24_000, 32, None), "bit_depth", "one of 16, 24"),
            (("pcm", 24_000, 24, None), "bit_depth", "16"),
            (("mp3", 24_000, 16, None), "bit_depth", "none: leave it out"),
            (("wav", 24_000, None, 64), "bitrate", "none: leave it out"),
            (("opus", 24_000, None, 300), "bitrate", "6 to 256"),
            (("aac", 8_000, None, 64), "bitrate", "16 to 32"),
            (("aac", 48_000, None, 320), "bitrate", "16 to 192"),
            (("mp3", 8_000, None, 96), "bitrate", "one of 8, 16, 24, 32, 40, 48, 56, 64"),
            (
                ("mp3", 48_000, None, 24),
                "bitrate",
                "one of 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320",
            ),
        ],
    )
    def test_what_does_not_go_together(
        self, choice: tuple[AudioFormat, int, int | None, int | None], field: str, accepted: str
    ) -> None:
        with pytest.raises(errors.UnsupportedEncoding) as refused:
            Encoding.of(*choice)
        assert (refused.value.field, refused.value.accepted) == (field, accepted)
        assert choice[0] in str(refused.value)

    def test_what_is_left_out_is_chosen(self) -> None:
        assert Encoding.of("wav", 24_000) == Encoding("wav", 24_000, 16, None)
        assert Encoding.of("flac", 48_000) == Encoding("flac", 48_000, 16, None)
        assert Encoding.of("mp3", 24_000) == Encoding("mp3", 24_000, None, 96)
        assert Encoding.of("mp3", 8_000).bitrate == 64
        assert Encoding.of("aac", 8_000).bitrate == 32

    def test_a_wav_is_stored_as_one_of_its_codec_and_all_else_as_what_it_is(self) -> None:
        of_wavs = [Encoding.of("wav", 24_000, bits).media_type for bits in BIT_DEPTHS]
        assert of_wavs == ["audio/wav; codecs=1", "audio/wav; codecs=1", "audio/wav; codecs=3"]
        assert {name: Encoding.of(name, 24_000).media_type for name in ("flac", "mp3")} == {
            "flac": "audio/flac",
            "mp3": "audio/mpeg",
        }

    def test_the_tables_hold_what_the_documentation_promises(self) -> None:
        assert {name: one.content_type for name, one in FORMATS.items()} == {
            "wav": "audio/wav",
            "flac": "audio/flac",
            "mp3": "audio/mpeg",
            "opus": "audio/ogg",
            "aac": "audio/aac",
            "pcm": "audio/pcm",
        }
        assert SAMPLE_RATES == (8_000, 16_000, 22_050, 24_000, 44_100, 48_000)
        assert BIT_DEPTHS == (16, 24, 32)
