"""The reference doctor on signals of which everything is known."""

import numpy as np
import pytest

from f5_tts_core import errors
from f5_tts_core.diagnosis import Diagnosis, diagnose
from f5_tts_core.testing import speech_like, wav_bytes

RATE = 24_000
SECONDS = 6.0
#: 84 units of speech for six seconds with pauses: an unhurried voice.
WORDS = "This is what the voice says, at its ease, for as long as it takes to say it all, and then some more."


def speech(seconds: float = SECONDS) -> np.ndarray:
    return speech_like(seconds, seed=3).samples


def noise(db: float, samples: int, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 10 ** (db / 20), samples).astype(np.float32)


def silence(seconds: float) -> np.ndarray:
    return noise(-80, round(seconds * RATE))


def examine(samples: np.ndarray, text: str | None = WORDS, *, rate: int = RATE, max_seconds: float = 12.0) -> Diagnosis:
    return diagnose(wav_bytes(samples, rate, subtype="FLOAT"), text, max_seconds=max_seconds)


def speech_level(samples: np.ndarray) -> float:
    """Level in dB of the frames in which somebody speaks: of those that are not far below the whole."""
    frames = samples[: len(samples) // 240 * 240].reshape(-1, 240)
    power = np.square(frames, dtype=np.float64).mean(axis=1)
    return float(10 * np.log10(power[power > power.mean() / 100].mean()))


def advised(found: Diagnosis, *words: str) -> bool:
    return any(all(word in line for word in words) for line in found.advice)


def test_a_good_recording_needs_no_advice():
    found = examine(speech())
    assert found.advice == ()
    assert (found.seconds, found.sample_rate, found.cut_seconds, found.clipped_share) == (6.0, RATE, 0.0, 0.0)
    assert found.transcript_fit == "plausible"
    assert found.level_db == pytest.approx(speech_level(speech()), abs=1.0)
    assert found.peak_db == pytest.approx(20 * np.log10(np.abs(speech()).max()), abs=0.1)


# --- noise --------------------------------------------------------------------------------------


@pytest.mark.parametrize("level", [-60, -50, -40])
def test_noise_is_measured_in_the_pauses(level):
    clean = speech()
    found = examine(clean + noise(level, len(clean)))
    assert found.noise_in_pauses
    assert found.noise_db == pytest.approx(level, abs=0.7)
    assert found.snr_db == pytest.approx(speech_level(clean) - level, abs=1.5)


@pytest.mark.parametrize("level", [-35, -30])
def test_noise_that_fills_the_pauses_is_found_in_the_quietest_moments(level):
    clean = speech()
    found = examine(clean + noise(level, len(clean)))
    assert found.noise_db == pytest.approx(level, abs=1.0)
    assert found.snr_db == pytest.approx(speech_level(clean) - level, abs=2.0)
    assert advised(found, "dB below the voice")


def test_a_click_in_a_pause_is_not_the_noise():
    samples = np.concatenate([speech(), silence(1.0), speech()[: 2 * RATE]])
    samples += noise(-60, len(samples))
    clicked = samples.copy()
    clicked[round(6.5 * RATE) : round(6.5 * RATE) + 100] = 0.4
    assert examine(clicked).noise_db == pytest.approx(examine(samples).noise_db, abs=0.5)


def test_a_clip_without_pauses_promises_no_more_than_it_knows():
    phrase = speech()[: round(1.15 * RATE)]
    found = examine(np.concatenate([phrase] * 4), "What is said in here without a stop at all, on and on.")
    assert not found.noise_in_pauses
    assert found.noise_db <= found.level_db


def test_digital_silence_is_at_the_floor():
    gated = np.concatenate([speech(), np.zeros(RATE, np.float32), speech()])
    assert examine(gated).snr_db > 40


# --- level and distortion -----------------------------------------------------------------------


@pytest.mark.parametrize("factor", [0.05, 0.5, 2.0])
def test_the_level_follows_the_recording(factor):
    found, louder = examine(speech()), examine(speech() * np.float32(factor))
    change = 20 * np.log10(factor)
    assert louder.level_db - found.level_db == pytest.approx(change, abs=0.2)
    assert louder.peak_db - found.peak_db == pytest.approx(change, abs=0.2)
    assert advised(louder, "faint") == (louder.level_db < -36)


@pytest.mark.parametrize("share", [0.0005, 0.01, 0.05])
def test_clipping_is_counted(share):
    samples = speech().copy()
    places = np.random.default_rng(5).choice(len(samples), round(share * len(samples)), replace=False)
    samples[places] = np.sign(samples[places])
    found = examine(samples)
    assert found.clipped_share == pytest.approx(share, abs=1e-4)
    assert advised(found, "full scale") == (share > 0.001)


def test_a_telephones_sound_is_told():
    assert advised(examine(speech_like(4.0, sample_rate=8_000).samples, rate=8_000), "8000 Hz", "telephone")
    assert not advised(examine(speech_like(4.0, sample_rate=16_000).samples, rate=16_000), "telephone")


# --- length -------------------------------------------------------------------------------------


def test_silence_at_the_edges_is_trimmed_and_counted():
    found = examine(np.concatenate([silence(1.5), speech(), silence(2.0)]))
    assert found.trimmed_seconds == pytest.approx(3.5 - 2 * 0.05, abs=0.1)
    assert found.used_seconds == pytest.approx(6.1, abs=0.1)
    assert found.silence_share == pytest.approx(1 - found.speech_seconds / 9.5, abs=0.01)
    assert found.seconds == 9.5


def test_a_clip_of_silence_mostly_is_told():
    padded = np.concatenate([speech(3.0), silence(5.0)])
    assert advised(examine(padded, "This is what the voice says, at its ease."), "nobody speaks")


def test_what_is_beyond_the_model_is_told():
    found = examine(speech(9.0), None, max_seconds=5.0)
    assert found.used_seconds <= 5.0
    assert found.cut_seconds == pytest.approx(9.0 - found.used_seconds, abs=0.15)
    assert advised(found, "5 s", "not used")


def test_little_speech_is_told_but_not_where_the_model_wants_no_more():
    short = speech(2.4)
    words = "This is what the voice says."
    assert advised(examine(short, words), "only", "s of speech")
    assert not advised(examine(short, words, max_seconds=3.0), "s of speech")


# --- transcript ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "fit", "word"),
    [
        (WORDS, "plausible", ""),
        ("This is what it says at once.", "too-little", "short for"),
        (WORDS + " " + WORDS, "too-much", "long for"),
    ],
)
def test_the_transcript_is_held_against_the_speech(text, fit, word):
    found = examine(speech(), text)
    assert found.transcript_fit == fit
    assert advised(found, word) == bool(word)


def test_no_transcript_no_fit():
    found = examine(speech(), None)
    assert (found.speech_rate, found.transcript_fit) == (None, None)
    assert advised(found, "no transcript")


def test_what_cannot_be_used_is_refused_as_ever():
    with pytest.raises(errors.SilentAudio):
        examine(np.zeros(RATE * 2, np.float32))
    with pytest.raises(errors.TranscriptMismatch):
        examine(speech(), "No.")
