"""Decoding and judging audio files."""

import io
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from f5_tts_core import errors, limits
from f5_tts_core.audio import check, decode
from f5_tts_core.audio.activity import speech_spans
from f5_tts_core.audio.containers import sniff
from f5_tts_core.reference import check_upload
from f5_tts_core.testing import speech_like, wav_bytes
from f5_tts_core.types import Waveform
from tests.uploads import UPLOADS, Upload, flipped, good, good_wav, muxed, silence, speech

LOSSLESS = [("WAV", "PCM_16"), ("WAV", "PCM_24"), ("WAV", "FLOAT"), ("FLAC", "PCM_16"), ("AIFF", "PCM_16")]
LOSSY = [("OGG", "VORBIS"), ("OGG", "OPUS"), ("MP3", "MPEG_LAYER_III"), ("CAF", "ALAC_16"), ("WAV", "ULAW")]
MUXED = [
    ("mp4", "aac"),
    ("ipod", "alac"),
    ("adts", "aac"),
    ("webm", "libopus"),
    ("matroska", "flac"),
    ("ogg", "libopus"),
]
HEADS = [b"", b"RIFF\0\0\0\0WAVE", b"OggS", b"fLaC", b"ID3\4", b"\xff\xfb", b"\xff\xf1", b"\0\0\0 ftyp"]


class TestUploads:
    @pytest.mark.parametrize("upload", [u for u in UPLOADS if u.expected], ids=str)
    def test_each_wrong_upload_has_its_own_error_and_a_sentence(self, upload: Upload) -> None:
        assert upload.expected is not None
        with pytest.raises(upload.expected) as raised:
            check_upload(upload.make(), None)
        assert type(raised.value) is upload.expected
        assert str(raised.value).endswith(".")
        assert len(str(raised.value)) > 30

    @pytest.mark.parametrize("upload", [u for u in UPLOADS if not u.expected], ids=str)
    def test_each_benign_upload_is_accepted(self, upload: Upload) -> None:
        assert check_upload(upload.make(), None).seconds > limits.MIN_REFERENCE_SECONDS

    def test_the_table_is_long_and_its_names_are_unique(self) -> None:
        assert len(UPLOADS) >= 50
        assert len({upload.name for upload in UPLOADS}) == len(UPLOADS)


class TestDecode:
    @pytest.mark.parametrize(("file_format", "subtype"), LOSSLESS)
    def test_lossless_formats_keep_the_samples(self, file_format: str, subtype: str) -> None:
        decoded = decode(good(file_format, subtype))
        np.testing.assert_allclose(decoded.samples, speech(), atol=1e-4)

    @pytest.mark.parametrize(("file_format", "subtype"), LOSSY)
    def test_lossy_formats_keep_length_and_level(self, file_format: str, subtype: str) -> None:
        _assert_alike(decode(good(file_format, subtype)))

    @pytest.mark.parametrize(("container", "codec"), MUXED)
    def test_formats_of_browsers_and_phones(self, container: str, codec: str) -> None:
        decoded = decode(muxed(container, codec))
        _assert_alike(decoded)
        assert decoded.source.sample_rate == 48_000

    @pytest.mark.parametrize("rate", [8_000, 16_000, 22_050, 44_100, 48_000, 96_000, 192_000])
    def test_every_rate_comes_out_at_24_khz(self, rate: int) -> None:
        decoded = decode(wav_bytes(speech_like(1.0, seed=1, sample_rate=rate)))
        assert decoded.sample_rate == 24_000
        assert decoded.seconds == pytest.approx(1.0, abs=1e-3)
        assert decoded.source.sample_rate == rate

    def test_resampling_keeps_a_tone_in_place(self) -> None:
        tone = 0.5 * np.sin(2 * np.pi * 1_000 * np.arange(44_100) / 44_100)
        spectrum = np.abs(np.fft.rfft(decode(wav_bytes(tone, 44_100)).samples))
        assert np.argmax(spectrum) == pytest.approx(1_000, abs=1)

    def test_channels_are_averaged(self) -> None:
        decoded = decode(wav_bytes(np.stack([speech(), speech() * 0.5], axis=1), subtype="FLOAT"))
        np.testing.assert_allclose(decoded.samples, speech() * 0.75, atol=1e-6)
        assert decoded.source.channels == 2

    def test_channels_that_cancel_out_leave_the_first(self) -> None:
        decoded = decode(wav_bytes(np.stack([speech(), -speech()], axis=1), subtype="FLOAT"))
        np.testing.assert_array_equal(decoded.samples, speech())

    def test_a_file_object_is_read_from_its_start_whatever_it_is_called(self) -> None:
        with tempfile.NamedTemporaryFile(suffix=".raw") as file:
            file.write(good_wav())
            np.testing.assert_allclose(decode(file).samples, speech(), atol=1e-4)

    def test_a_spooled_file_can_be_decoded(self) -> None:
        with tempfile.SpooledTemporaryFile() as file:
            file.write(muxed("webm", "libopus"))
            _assert_alike(decode(file))

    def test_the_limit_on_seconds_is_the_callers(self) -> None:
        with pytest.raises(errors.TooLongAudio, match="up to 2 s"):
            decode(good_wav(), max_seconds=2.0)

    def test_decoding_stops_at_the_limit(self) -> None:
        class Counting(io.BytesIO):
            taken = 0

            def read(self, size: int | None = -1) -> bytes:
                data = super().read(size)
                self.taken += len(data)
                return data

        # The header must not give the length away, or nothing would be decoded at all.
        bomb = silence("FLAC", "PCM_16", 3_600)
        file = Counting(bomb[:21] + bytes([bomb[21] & 0xF0, 0, 0, 0, 0]) + bomb[26:])
        with pytest.raises(errors.TooLongAudio):
            decode(file)
        # What is read ahead, 32 kB at a time, holds most of an hour of silence.
        assert file.taken < len(bomb) / 2

    @settings(max_examples=60, deadline=None)
    @given(
        source=st.sampled_from(["wav", "flac", "mp3", "m4a", "webm", "ogg"]),
        seed=st.integers(0, 2**16),
        count=st.integers(1, 200),
    )
    def test_bits_turned_over_anywhere_raise_nothing_but_our_errors(self, source: str, seed: int, count: int) -> None:
        healthy = {
            "wav": good_wav,
            "flac": lambda: good("FLAC", "PCM_16"),
            "mp3": lambda: good("MP3", "MPEG_LAYER_III"),
            "m4a": lambda: muxed("ipod", "aac"),
            "webm": lambda: muxed("webm", "libopus"),
            "ogg": lambda: good("OGG", "VORBIS"),
        }[source]()
        _decode_or_refuse(flipped(healthy, seed, count))

    @settings(max_examples=80, deadline=None)
    @given(head=st.sampled_from(HEADS), tail=st.binary(max_size=2_000))
    def test_any_bytes_raise_nothing_but_our_errors(self, head: bytes, tail: bytes) -> None:
        _decode_or_refuse(head + tail)


def _decode_or_refuse(data: bytes) -> None:
    try:
        decoded = decode(data)
    except errors.AudioError:
        return
    assert np.isfinite(decoded.samples).all()
    assert decoded.seconds <= limits.MAX_UPLOAD_SECONDS + 1


def _assert_alike(decoded: Waveform) -> None:
    assert decoded.seconds == pytest.approx(3.0, abs=0.1)
    assert float(np.sqrt(np.mean(decoded.samples**2))) == pytest.approx(0.1, rel=0.1)


class TestSniff:
    @pytest.mark.parametrize("head", [b"#EXTM3U\n", b"ffconcat", b"<?xml", b"v=0\no=", b"\x89PNG", b"", b"\xff"])
    def test_what_is_no_audio_container_has_no_demuxer(self, head: bytes) -> None:
        assert sniff(head) is None

    def test_adts_and_mpeg_layers_are_told_apart(self) -> None:
        assert sniff(muxed("adts", "aac")[:16]) == "aac"
        assert sniff(b"\xff\xfb\x90\x00") == "mp3"


class TestCheck:
    def test_the_offset_is_taken_out(self) -> None:
        assert float(check(Waveform(speech() + 0.3)).samples.mean()) == pytest.approx(0, abs=1e-5)

    def test_a_refusal_says_what_was_measured_and_what_is_accepted(self) -> None:
        with pytest.raises(errors.TooShortAudio, match=r"0\.50 s; at least 0\.8 s"):
            check(speech_like(0.5))
        with pytest.raises(errors.TooQuietAudio, match="-60 dB; at least -54 dB"):
            check(Waveform(speech() * 0.01))
        with pytest.raises(errors.ClippedAudio, match=r"\d+% .* at most 10%"):
            check(Waveform(np.clip(speech() * 30, -1, 1)))

    def test_a_little_clipping_passes(self) -> None:
        samples = np.clip(speech() * 5, -1, 1)
        assert 0 < np.mean(np.abs(samples) >= 1) < 0.1
        check(Waveform(samples))

    def test_nan_is_refused_without_a_file_around_it(self) -> None:
        with pytest.raises(errors.NotFiniteAudio):
            check(Waveform(np.full(48_000, np.nan, np.float32)))


class TestActivity:
    def test_pauses_separate_spans(self) -> None:
        one = speech_like(1.0, seed=3).samples
        gap = np.zeros(12_000, np.float32)
        spans = speech_spans(np.concatenate([gap, one, gap, one, gap]), 24_000)
        assert [round(span.start, 1) for span in spans] == [0.5, 2.0]
        assert [round(span.end, 1) for span in spans] == [1.5, 3.0]

    @pytest.mark.parametrize("noise", [1e-4, 1e-3, 1e-2])
    def test_the_noise_floor_does_not_move_the_edges(self, noise: float) -> None:
        samples = np.pad(speech_like(1.0, seed=3).samples, 24_000)
        samples = samples + np.random.default_rng(0).normal(0, noise, len(samples)).astype(np.float32)
        (span,) = speech_spans(samples, 24_000)
        assert span.start == pytest.approx(1.0, abs=0.06)
        assert span.end == pytest.approx(2.0, abs=0.06)

    def test_a_click_is_no_speech(self) -> None:
        samples = np.zeros(48_000, np.float32)
        samples[24_000] = 1.0
        assert speech_spans(samples, 24_000) == []

    def test_nothing_holds_no_speech(self) -> None:
        assert speech_spans(np.zeros(0, np.float32), 24_000) == []


def test_the_sample_that_ships_is_fit_for_use() -> None:
    folder = Path(__file__).parents[3] / "f5_tts_core/assets/sample"
    report = check_upload((folder / "reference.wav").read_bytes(), (folder / "reference.txt").read_text())
    assert not report.cut
