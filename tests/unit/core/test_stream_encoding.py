"""Speech encoded piece by piece: playable as it comes, and as good as a file made of the whole."""

import io

import av
import numpy as np
import numpy.typing as npt
import pytest
import soxr

from f5_tts_core.audio import decode, encode
from f5_tts_core.audio.streaming import StreamEncoder
from f5_tts_core.formats import FORMATS, AudioFormat, Encoding
from f5_tts_core.testing import speech_like

SPEECH = speech_like(3.0, seed=5)


def streamed(encoding: Encoding, pieces: int = 7) -> list[bytes]:
    encoder = StreamEncoder(encoding)
    return [*(encoder.add(piece) for piece in np.array_split(SPEECH.samples, pieces)), encoder.finish()]


def played(data: bytes, encoding: Encoding) -> npt.NDArray[np.float32]:
    """At the encoding's rate, by libav, which goes by no length in a header."""
    if encoding.format == "pcm":
        return (np.frombuffer(data, "<i2") / 32_767).astype(np.float32)
    with av.open(io.BytesIO(data)) as container:
        resampler = av.AudioResampler("flt", "mono", encoding.sample_rate)
        frames = [frame for packet in container.decode(audio=0) for frame in resampler.resample(packet)]
        frames += resampler.resample(None)
    return np.concatenate([frame.to_ndarray()[0] for frame in frames])


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("rate", [24_000, 48_000])
def test_it_holds_all_of_the_speech(name: AudioFormat, rate: int) -> None:
    encoding = Encoding.of(name, rate)
    found = played(b"".join(streamed(encoding)), encoding)
    expected = SPEECH.samples if rate == 24_000 else soxr.resample(SPEECH.samples, 24_000, rate)
    assert len(expected) <= len(found) + 2 < len(expected) + 4_096
    # The encoders' delay: nothing in a bare stream says how long it is.
    delay = int(np.argmax(np.correlate(found[: rate + 4_000], expected[:rate], "valid")))
    overlap = min(len(found) - delay, len(expected))
    assert np.corrcoef(found[delay : delay + overlap], expected[:overlap])[0, 1] > 0.98


@pytest.mark.parametrize("name", FORMATS)
def test_bytes_leave_while_speech_comes(name: AudioFormat) -> None:
    encoding = Encoding.of(name, 24_000)
    parts = streamed(encoding, pieces=3)
    assert all(len(part) > 1_000 for part in parts[:3])
    assert len(played(parts[0], encoding)) >= 22_000 - 8_000


@pytest.mark.parametrize(
    ("name", "depth"), [("wav", 16), ("wav", 24), ("wav", 32), ("flac", 16), ("flac", 24), ("pcm", 16)]
)
def test_what_loses_nothing_has_the_samples_of_a_file(name: AudioFormat, depth: int) -> None:
    encoding = Encoding.of(name, 24_000, depth)
    file = encode(SPEECH, name, bit_depth=depth)
    np.testing.assert_array_equal(played(b"".join(streamed(encoding)), encoding), played(file, encoding))


@pytest.mark.parametrize("name", FORMATS)
def test_a_stream_that_ends_before_any_speech_is_whole(name: AudioFormat) -> None:
    encoder = StreamEncoder(Encoding.of(name, 24_000))
    assert isinstance(encoder.finish(), bytes)


@pytest.mark.parametrize("name", [name for name in FORMATS if name != "pcm"])
def test_what_was_saved_from_a_stream_is_read_like_any_file(name: AudioFormat) -> None:
    found = decode(b"".join(streamed(Encoding.of(name, 24_000))))
    assert found.seconds == pytest.approx(SPEECH.seconds, abs=0.15)
