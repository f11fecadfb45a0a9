"""Speech that went wrong as a whole is told from speech that did not."""

import numpy as np
import pytest

from benchmarks.failures import Failure, failure_of, spoken_seconds, trimmed
from f5_tts_core import limits
from f5_tts_core.types import Waveform


def speech(seconds: float, *, lead: float = 0.2, level: float = 0.1) -> Waveform:
    """Noise that swells and fades as syllables do, between silences."""
    time = np.arange(round(seconds * limits.SAMPLE_RATE)) / limits.SAMPLE_RATE
    noise = np.random.default_rng(0).standard_normal(len(time)) * (0.6 + 0.4 * np.sin(2 * np.pi * 4 * time)) * level
    silence = np.zeros(round(lead * limits.SAMPLE_RATE))
    return Waveform(np.concatenate([silence, noise, silence]).astype(np.float32))


@pytest.mark.parametrize(
    ("audio", "failure"),
    [
        (speech(2.0), None),
        (speech(1.2), None),
        (speech(3.5), None),
        (speech(0.9), "cut"),
        (speech(6.0), "runaway"),
        (speech(2.0, lead=2.0), "runaway"),
        (speech(2.0, level=0.0), "silent"),
        (speech(2.0, level=0.002), "silent"),
        (Waveform(np.zeros(0, np.float32)), "silent"),
    ],
)
def test_silence_cuts_and_runaways_are_told(audio: Waveform, failure: Failure | None) -> None:
    assert failure_of(audio, expected_seconds=2.0) == failure


def test_spoken_seconds_leave_out_the_edges() -> None:
    assert spoken_seconds(speech(1.5, lead=0.7)) == pytest.approx(1.5, abs=0.1)


def test_trimmed_signals_compare() -> None:
    quiet, loud = (trimmed(speech(1.5, lead=lead, level=level)) for lead, level in ((0.7, 0.02), (0.1, 0.2)))

    assert quiet.seconds == pytest.approx(loud.seconds, abs=0.05)
    assert np.sqrt(np.square(quiet.samples).mean()) == pytest.approx(0.1, rel=0.02)
    assert np.sqrt(np.square(loud.samples).mean()) == pytest.approx(0.1, rel=0.02)
    silence = Waveform(np.zeros(4_800, np.float32))
    assert trimmed(silence) is silence
