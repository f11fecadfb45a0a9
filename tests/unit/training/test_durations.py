"""Usual durations of tokens, found by aligning what was said with what it sounds like."""

from pathlib import Path

import numpy as np
import pytest

from f5_tts_core import limits
from training.durations import measure_token_seconds, read_token_seconds
from training.errors import TrainingError

#: Frames of each sound in the speech that is made here.
FRAMES = {"a": 12, "k": 4, "z": 8}


def test_durations_of_made_up_sounds_are_found() -> None:
    rng = np.random.default_rng(5)
    spectra = {sound: rng.normal(size=limits.N_MELS) * 3 for sound in (*FRAMES, "silence")}
    texts = ["".join(rng.choice(list(FRAMES), size=12)) + "." for _ in range(60)]
    mels = []
    for text in texts:
        sounds = ["silence"] * 5 + [sound for letter in text[:-1] for sound in [letter] * FRAMES[letter]]
        frames = [spectra[sound] + rng.normal(size=limits.N_MELS) * 0.3 for sound in [*sounds, *["silence"] * 5]]
        mels.append(np.array(frames, np.float32))
    seconds = measure_token_seconds(texts, mels, list, [" ", ".", *FRAMES])
    found = {sound: seconds[sound] * limits.FRAMES_PER_SECOND for sound in FRAMES}
    assert found == pytest.approx(FRAMES, abs=2)  # what changes at a border blurs it by a frame or two
    assert all(seconds[token] > 0 for token in (" ", "."))


def test_without_a_run_there_are_none(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="train first"):
        read_token_seconds(tmp_path)
