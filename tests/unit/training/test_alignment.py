"""Finding where each token is spoken."""

from collections.abc import Sequence

import numpy as np
import pytest

from f5_tts_core import limits
from training.alignment import Aligner, Mel
from training.durations import usual_seconds

#: Frames of each sound in the speech that is made here, and of the silence around it.
FRAMES = {"a": 12, "k": 4, "z": 8}
EDGE = 5
TOKENS = [" ", ".", *FRAMES]
SEED = 5


def say(texts: Sequence[str]) -> list[Mel]:
    """Log mels in which every sound has a spectrum of its own; a space is no sound."""
    rng = np.random.default_rng(SEED)
    spectra = {sound: rng.normal(size=limits.N_MELS) * 3 for sound in (*FRAMES, ".")}
    lengths = FRAMES | {".": EDGE}
    mels = []
    for text in texts:
        sounds = [sound for sound in f".{text.replace(' ', '')}" for _ in range(lengths[sound])]
        frames = [spectra[sound] + rng.normal(size=limits.N_MELS) * 0.3 for sound in sounds]
        mels.append(np.array(frames, np.float32))
    return mels


@pytest.fixture(scope="module")
def texts() -> list[str]:
    rng = np.random.default_rng(SEED)
    words = ["".join(rng.choice(list(FRAMES), size=6)) for _ in range(120)]
    return [f"{first} {second}." for first, second in zip(words[::2], words[1::2], strict=True)]


@pytest.fixture(scope="module")
def aligner(texts: list[str]) -> Aligner:
    return Aligner.learn(texts, say(texts), list, TOKENS)


def test_tokens_stand_where_they_are_spoken(aligner: Aligner, texts: list[str]) -> None:
    # What changes at a border blurs it by a frame or two.
    for text, mel in zip(texts, say(texts), strict=True):
        found = aligner.spread(text, mel)
        assert found is not None
        lengths = {" ": 0, ".": EDGE} | FRAMES
        due = [" "] * EDGE + [token for token in text for _ in range(lengths[token])]
        assert len(found) == len(due) == len(mel)
        wrong = [place for place, pair in enumerate(zip(found, due, strict=True)) if pair[0] != pair[1]]
        assert len(wrong) <= 2 * len(text)


def test_words_can_be_told_apart(aligner: Aligner) -> None:
    text = "zak zka."
    (mel,) = say([text])
    found = aligner.spread(text, mel)
    assert found is not None
    runs = [token for place, token in enumerate(found) if place == 0 or found[place - 1] != token]
    assert runs == [" ", *text]


def test_a_text_that_its_speech_has_no_room_for_stands_nowhere(aligner: Aligner) -> None:
    (mel,) = say(["ak."])
    assert aligner.spread("akzakzakzakz.", mel) is None


def test_durations_of_made_up_sounds_are_found(aligner: Aligner) -> None:
    seconds = usual_seconds(aligner.heard, TOKENS)
    found = {sound: seconds[sound] * limits.FRAMES_PER_SECOND for sound in FRAMES}
    # Where it changes, a sound is taken for its neighbor.
    assert found == pytest.approx(FRAMES, abs=3)
    assert all(seconds[token] > 0 for token in (" ", "."))
