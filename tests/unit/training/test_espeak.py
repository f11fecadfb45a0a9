"""The teacher: it speaks, its voices differ as asked, and a fresh process repeats it to the bit."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from training.errors import TrainingError
from training.espeak import Espeak, Voice, variants

TEXT = "the quick brown fox jumps over the lazy dog."


def seconds(voice: Voice) -> float:
    return Espeak().speak(TEXT, voice).seconds


def centroid(voice: Voice) -> float:
    """The mean frequency of the sound, in Hz."""
    samples = Espeak().speak(TEXT, voice).samples
    power = np.square(np.abs(np.fft.rfft(samples)))
    return float((power * np.fft.rfftfreq(len(samples), 1 / 24_000)).sum() / power.sum())


def test_it_speaks_at_a_natural_pace() -> None:
    audio = Espeak().speak(TEXT, Voice(variant="m3"))
    assert audio.sample_rate == 24_000
    assert 2 < audio.seconds < 4
    assert np.abs(audio.samples).max() > 0.05


def test_a_higher_rate_is_shorter() -> None:
    assert seconds(Voice(rate=220)) < 0.85 * seconds(Voice(rate=150))


def test_another_tract_moves_the_spectrum_and_not_the_pace() -> None:
    low, high = Voice(variant="m3", tract=0.85), Voice(variant="m3", tract=1.15)
    assert centroid(high) > 1.15 * centroid(low)
    assert seconds(high) == pytest.approx(seconds(low), rel=0.08)


def test_every_variant_speaks_without_clipping() -> None:
    loudest = [np.abs(Espeak().speak("so it is.", Voice(variant=name)).samples).max() for name in variants()]
    assert 0.02 < min(loudest) <= max(loudest) < 0.99


def test_an_unknown_variant_is_refused() -> None:
    with pytest.raises(TrainingError, match="no fit variant 'whisper'"):
        Espeak().speak(TEXT, Voice(variant="whisper"))


def test_a_fresh_process_repeats_the_samples() -> None:
    program = (
        "import hashlib; from training.espeak import *; teacher = Espeak();"
        "said = [teacher.speak(text, Voice(variant='f2', tract=1.1)).samples.tobytes() for text in ('one.', 'two.')];"
        "print(hashlib.sha256(b''.join(said)).hexdigest())"
    )
    command, root = [sys.executable, "-c", program], Path(__file__).parents[3]
    digests = {subprocess.run(command, cwd=root, capture_output=True, check=True).stdout for _ in "ab"}
    assert len(digests) == 1
