"""Which words are heard: pocketsphinx, made to choose each word among a few.

An open recognizer, and even one that may put the test's words in any order, mishears synthetic voices so often that
good and bad speech look alike. So it knows the sentence's length, and picks every word out of `CHOICES`: clear
speech is nearly always heard right, and other speech as often as luck has it.
"""

import random
from collections.abc import Sequence
from typing import Final

import numpy as np
import pocketsphinx
import soxr

from benchmarks.sentences import vocabulary
from f5_tts_core.types import Waveform

#: Words to choose from at each place: the right one, and seven others from the vocabulary.
CHOICES: Final = 8
#: Hz. What the acoustic model was trained on.
_SAMPLE_RATE: Final = 16_000
#: Root mean square of the noise that is added, 26 dB below speech of 0.1: the acoustic model knows no digital silence,
#: and without noise understands some synthetic voices not at all.
_NOISE_RMS: Final = 0.005
#: Wide, and one pass only: with pocketsphinx's own it gives unfamiliar voices up before their end.
_BEAMS: Final = {"beam": 1e-100, "pbeam": 1e-100, "wbeam": 1e-80, "fwdflat": False, "bestpath": False}


class Recognizer:
    """Hears speech that should be known words. Not for several threads at once."""

    def __init__(self) -> None:
        self._decoder = pocketsphinx.Decoder(samprate=_SAMPLE_RATE, lm=None, loglevel="FATAL", **_BEAMS)

    def hear(self, speech: Waveform, words: Sequence[str], *, tract: float = 1.0) -> list[str]:
        """What is heard where `words` are expected; `speech` has a root mean square of about 0.1.

        `tract` is the factor by which the voice was resampled; undoing it leaves the recognizer words to judge, not
        the size of a mouth.
        """
        decoder = self._decoder
        decoder.add_jsgf_string("expected", grammar(words))
        decoder.activate_search("expected")
        decoder.reinit_feat()  # else it adapts to what it heard before
        decoder.start_utt()
        decoder.process_raw(_pcm16(speech, tract), full_utt=True)
        decoder.end_utt()
        hypothesis = decoder.hyp()
        return hypothesis.hypstr.split() if hypothesis else []


def grammar(words: Sequence[str]) -> str:
    """A JSGF grammar of one choice a word; the same words always give the same choices."""
    rng = random.Random(" ".join(words))  # noqa: S311 (a fixed draw, no secret)
    choices = [f"( {' | '.join(_choices(word, rng))} )" for word in words]
    return f"#JSGF V1.0; grammar expected; public <sentence> = {' '.join(choices)} ;"


def _choices(word: str, rng: random.Random) -> list[str]:
    others = rng.sample([other for other in vocabulary() if other != word], CHOICES - 1)
    return sorted([word, *others])


def word_accuracy(expected: Sequence[str], heard: Sequence[str]) -> float:
    """1 for every word in its place, 0 for none; words that are missing, changed or too many all count against it."""
    return 1 - min(edit_distance(expected, heard), len(expected)) / len(expected)


def edit_distance(left: Sequence[str], right: Sequence[str]) -> int:
    """The fewest words to insert, delete or change to make one of the other."""
    row = list(range(len(right) + 1))
    for i, one in enumerate(left, start=1):
        diagonal, row[0] = row[0], i
        for j, other in enumerate(right, start=1):
            diagonal, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, diagonal + (one != other))
    return row[-1]


def _pcm16(speech: Waveform, tract: float) -> bytes:
    samples = soxr.resample(speech.samples, speech.sample_rate / tract, _SAMPLE_RATE)
    noise = np.random.default_rng(0).standard_normal(len(samples)) * _NOISE_RMS
    return bytes((np.clip(samples + noise, -1, 1) * 32_767).astype(np.int16).tobytes())
