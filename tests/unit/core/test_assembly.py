"""Chunks become one file, whatever it is written as, in little memory."""

import gc
import io
import itertools
import tracemalloc

import numpy as np
import pytest

from f5_tts_core import errors, limits
from f5_tts_core.assembly import Finish, Part, write_speech
from f5_tts_core.audio import decode, encode
from f5_tts_core.audio.lossless import pack, unpack
from f5_tts_core.audio.loudness import measure_integrated
from f5_tts_core.formats import FORMATS, Encoding
from f5_tts_core.joining import cross_fade
from f5_tts_core.mastering import master
from f5_tts_core.testing import speech_like
from f5_tts_core.types import Waveform

CHUNKS = [speech_like(seconds, seed).samples for seed, seconds in enumerate((2.0, 1.3, 2.4))]
WHOLE = Waveform(cross_fade(CHUNKS, limits.DEFAULT_CROSS_FADE_SECONDS))


def written(parts, finish):
    file = io.BytesIO()
    return write_speech(parts, finish, file), file.getvalue()


def parts(chunks=CHUNKS):
    return (Part(chunk) for chunk in chunks)


@pytest.mark.parametrize("audio_format", FORMATS)
def test_the_file_is_the_one_that_the_whole_speech_would_have_been(audio_format):
    found, content = written(parts(), Finish(Encoding.of(audio_format, 24_000)))
    whole = master(WHOLE, sample_rate=24_000)
    assert content == encode(WHOLE, audio_format)
    assert (found.peak_dbfs, found.loudness_lufs) == (whole.peak_dbfs, measure_integrated(whole.audio))
    assert found.seconds == WHOLE.seconds


@pytest.mark.parametrize("loudness", [None, -28.0, -9.0])
@pytest.mark.parametrize("rate", [8_000, 48_000])
def test_rate_and_loudness_come_out_as_for_the_whole(rate, loudness):
    found, content = written(parts(), Finish(Encoding.of("wav", rate), loudness=loudness))
    whole = master(WHOLE, sample_rate=rate, loudness=loudness)
    assert found.loudness_lufs == pytest.approx(measure_integrated(whole.audio), abs=0.1)
    assert found.peak_dbfs == pytest.approx(whole.peak_dbfs, abs=0.1)
    assert decode(content).seconds == pytest.approx(WHOLE.seconds, abs=0.001)


def test_speakers_are_kept_apart_by_a_pause():
    alone, _ = written(parts(), Finish(Encoding.of("wav", 24_000)))
    apart, content = written(
        [Part(CHUNKS[0], ends_turn=True), Part(CHUNKS[1]), Part(CHUNKS[2], ends_turn=True)],
        Finish(Encoding.of("wav", 24_000)),
    )
    assert apart.seconds == pytest.approx(alone.seconds + limits.DEFAULT_CROSS_FADE_SECONDS + 0.25)
    heard = decode(content).samples
    first = len(CHUNKS[0])
    assert np.allclose(heard[: first - 1], CHUNKS[0][: first - 1], atol=1e-4)
    assert not heard[first : first + 6_000].any()


def padded(chunk, before, after):
    return np.concatenate([np.zeros(round(before * 24_000)), chunk, np.zeros(round(after * 24_000))]).astype(np.float32)


def test_silence_goes_from_the_ends_alone_or_everywhere():
    quiet = [padded(chunk, 1.0, 1.0) for chunk in CHUNKS]
    spoken = sum(map(len, CHUNKS)) / 24_000
    whole, trimmed, cut = (
        written(parts(quiet), Finish(Encoding.of("wav", 24_000), **asked))[0].seconds
        for asked in ({}, {"trim": True}, {"remove_silence": True})
    )
    assert whole - trimmed == pytest.approx(1.9, abs=0.05)
    assert spoken < cut < spoken + 0.8


def test_nothing_at_all_is_an_empty_file():
    found, content = written([], Finish(Encoding.of("pcm", 24_000)))
    assert (content, found.seconds, found.peak_dbfs, found.loudness_lufs) == (b"", 0.0, None, None)


def test_what_is_kept_in_between_loses_less_than_16_bits_would():
    quiet = Waveform(CHUNKS[0] * np.float32(0.01))
    assert np.abs(unpack(pack(quiet)) - quiet.samples).max() < 2**-23


@pytest.mark.parametrize("audio_format", [name for name in FORMATS if name != "pcm"])
def test_what_is_stopped_on_the_way_is_closed(audio_format):
    """Left open, it would be written to when it is collected, and its file may be gone by then."""
    blocks = itertools.count()

    def check():
        if next(blocks):
            raise errors.Canceled("The job was canceled.")

    file = io.BytesIO()
    with pytest.raises(errors.Canceled) as stopped:
        write_speech(parts(), Finish(Encoding.of(audio_format, 24_000)), file, check=check)
    content = file.getvalue()
    del stopped
    gc.collect()
    assert file.getvalue() == content
    assert decode(content).seconds == pytest.approx(65_536 / 24_000, abs=0.15)


def test_it_is_measured_while_it_is_written():
    blocks = []
    file = io.BytesIO()
    write_speech(parts(), Finish(Encoding.of("wav", 24_000)), file, check=lambda: blocks.append(1))
    assert len(blocks) == -(-len(WHOLE.samples) // 65_536)  # gone through once


@pytest.mark.parametrize("loudness", [None, -9.0])
def test_three_minutes_are_never_in_memory(tmp_path, loudness):
    chunk = speech_like(6.0).samples
    tracemalloc.start()
    with (tmp_path / "speech.wav").open("w+b") as file:
        found = write_speech((Part(chunk) for _ in range(30)), Finish(Encoding.of("wav", 24_000), loudness), file)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found.seconds > 170
    # As samples alone it has 17 MB.
    assert peak < 6_000_000
