"""Who speaks: a continuous space of voices, a part of which is never trained on. Free of torch."""

from collections.abc import Sequence
from typing import Final, Literal

import numpy as np

from training.espeak import Voice, variants

Split = Literal["train", "held-out"]

#: One in so many variants is kept for measuring.
_HELD_OUT_EVERY: Final = 8
#: Vocal tracts that are trained on, and the bands between them that are not.
TRAIN_TRACTS: Final = ((0.82, 0.92), (0.955, 1.07), (1.105, 1.2))
HELD_OUT_TRACTS: Final = ((0.925, 0.95), (1.075, 1.10))
_PITCHES: Final = (15, 85)
_PITCH_RANGES: Final = (25, 75)
_RATES: Final = (145, 195)


def variants_of(split: Split) -> tuple[str, ...]:
    """The two splits have no variant in common, and every variant is in one."""
    held_out = variants()[_HELD_OUT_EVERY // 2 :: _HELD_OUT_EVERY]
    return held_out if split == "held-out" else tuple(name for name in variants() if name not in held_out)


def draw_voice(rng: np.random.Generator, split: Split) -> Voice:
    """A voice from anywhere in the split's part of the space."""
    return Voice(
        variant=str(rng.choice(variants_of(split))),
        pitch=_whole(rng, _PITCHES),
        pitch_range=_whole(rng, _PITCH_RANGES),
        rate=_whole(rng, _RATES),
        tract=_within(rng, HELD_OUT_TRACTS if split == "held-out" else TRAIN_TRACTS),
    )


def _whole(rng: np.random.Generator, bounds: tuple[int, int]) -> int:
    return int(rng.integers(bounds[0], bounds[1] + 1))


def _within(rng: np.random.Generator, bands: Sequence[tuple[float, float]]) -> float:
    """Uniform over all bands together."""
    widths = np.array([high - low for low, high in bands])
    low, high = bands[rng.choice(len(bands), p=widths / widths.sum())]
    return float(rng.uniform(low, high))
