"""Where in a signal somebody speaks. Energy against the clip's own noise floor, in frames of 10 ms."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

#: Frames a second.
FRAME_RATE: Final = 100
_FLOOR: Final = 1e-5
#: No frame below this level in dB is speech, however quiet the rest.
_SILENCE: Final = -70.0
#: Frames that must be as loud as what we call the speech level: a click is not.
_SPEECH_FRAMES: Final = 25
#: Active runs shorter than this many frames are clicks; gaps shorter than this many are stops inside words.
_MIN_RUN: Final = 4
_MIN_GAP: Final = 8


@dataclass(frozen=True)
class Span:
    """Half-open, in seconds."""

    start: float
    end: float

    @property
    def seconds(self) -> float:
        return self.end - self.start


def speech_spans(samples: npt.NDArray[np.float32], sample_rate: int) -> list[Span]:
    """Stretches of speech in order; between two of them there is a pause of at least 80 ms."""
    levels = levels_in_decibels(samples, sample_rate)
    if not len(levels):
        return []
    active = levels > _threshold(levels)
    runs = [(start, end) for start, end in _runs(active) if end - start >= _MIN_RUN]
    return [Span(start / FRAME_RATE, end / FRAME_RATE) for start, end in _bridge(runs)]


def levels_in_decibels(samples: npt.NDArray[np.float32], sample_rate: int) -> npt.NDArray[np.float64]:
    """Level of each 10 ms frame, smoothed over 30 ms, in dB of full scale; shape [frames]."""
    hop = sample_rate // FRAME_RATE
    frames = len(samples) // hop
    if not frames:
        return np.zeros(0)
    power = np.square(samples[: frames * hop].reshape(frames, hop), dtype=np.float64).mean(axis=1)
    padded = np.pad(power, 1, mode="edge")
    smoothed = (padded[:-2] + padded[1:-1] + padded[2:]) / 3
    levels: npt.NDArray[np.float64] = 10 * np.log10(smoothed + _FLOOR**2)
    return levels


def _threshold(levels: npt.NDArray[np.float64]) -> float:
    """A quarter of the way from the noise up to the speech, 15 to 40 dB below the speech, never below -70 dB."""
    ordered = np.sort(levels)
    speech = float(ordered[-min(_SPEECH_FRAMES, len(ordered))])
    noise = float(ordered[len(ordered) // 20])
    relative = np.clip(noise + 0.25 * (speech - noise), speech - 40, speech - 15)
    return max(float(relative), _SILENCE)


def _runs(active: npt.NDArray[np.bool_]) -> list[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(np.concatenate(([False], active, [False]))))
    return [(int(start), int(end)) for start, end in edges.reshape(-1, 2)]


def _bridge(runs: list[tuple[int, int]]) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for start, end in runs:
        if merged and start - merged[-1][1] < _MIN_GAP:
            merged[-1] = (merged[-1][0], end)
        else:
            merged.append((start, end))
    return merged
