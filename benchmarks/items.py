"""What is said in which voice: a fixed draw of sentences and of voices that nothing was trained on."""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from benchmarks.sentences import load_sentences
from training.espeak import Voice
from training.voices import draw_voice, variants_of

#: Held-out variants in which the recognizer hears the teacher itself: 95 words of 100; in the other four, 70.
HEARD_VARIANTS: Final = frozenset({"RicishayMax2", "david", "f5", "john", "m6"})
#: Steps through the list of sentences, so that neighbors in it do not meet.
_REFERENCE_STEP, _OTHER_STEP = 53, 31


@dataclass(frozen=True)
class Item:
    """One sentence to speak, and what it is measured against."""

    sentence: str
    #: Said in the reference.
    reference_sentence: str
    #: Said in the same voice where "other words" are wanted.
    other_sentence: str
    voice: Voice
    #: Says the same sentence where "another voice" is wanted: of another variant.
    other_voice: Voice
    #: Starts the engine's noise.
    seed: int

    @property
    def is_heard(self) -> bool:
        """Whether the recognizer understands this voice, so that its word accuracy says something."""
        return self.voice.variant in HEARD_VARIANTS


def draw_items(count: int, seed: int) -> list[Item]:
    """The first `count` items of the draw named `seed`. The variants take turns, so that each is as frequent."""
    rng = np.random.default_rng(seed)
    return [_draw_item(index, rng, seed) for index in range(count)]


def _draw_item(index: int, rng: np.random.Generator, seed: int) -> Item:
    sentences, variants = load_sentences(), variants_of("held-out")
    voice, other = (draw_voice(rng, "held-out") for _ in range(2))
    # Any of the other variants, each as often.
    distance = 1 + int(rng.integers(len(variants) - 1))
    return Item(
        sentence=sentences[index % len(sentences)],
        reference_sentence=sentences[(index + _REFERENCE_STEP) % len(sentences)],
        other_sentence=sentences[(index + _OTHER_STEP) % len(sentences)],
        voice=replace(voice, variant=variants[index % len(variants)]),
        other_voice=replace(other, variant=variants[(index + distance) % len(variants)]),
        seed=seed + index,
    )
