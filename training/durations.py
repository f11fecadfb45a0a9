"""How long each token usually takes, measured on the recipe's own speech."""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np

from f5_tts_core import limits
from f5_tts_core.text.phonemes import BOUNDARY
from training.alignment import sound_of
from training.errors import TrainingError

#: Beside the acoustic model that was trained by them.
DURATIONS_NAME: Final = "token-seconds.json"

#: A boundary makes no sound: one frame, so that words can be told apart.
_BOUNDARY_SECONDS: Final = 1 / limits.FRAMES_PER_SECOND
#: A token's own mean counts for so many times it was heard, against the mean of all forms of its sound.
_DOUBT: Final = 20.0


def read_token_seconds(folder: Path) -> dict[str, float]:
    """What was measured for the acoustic model in `folder`. Raises `TrainingError` where nothing was."""
    path = folder / DURATIONS_NAME
    if not path.exists():
        raise TrainingError(f"There is no {DURATIONS_NAME} in {folder}: train first.")
    seconds: dict[str, float] = json.loads(path.read_text(encoding="utf-8"))
    return seconds


def write_token_seconds(folder: Path, seconds: Mapping[str, float]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / DURATIONS_NAME).write_text(json.dumps(seconds, indent=1) + "\n", encoding="utf-8")


def usual_seconds(pieces: Iterable[tuple[str, int]], vocabulary: Sequence[str]) -> dict[str, float]:
    """Usual seconds of every token in `vocabulary`, from tokens that were heard and their frames."""
    heard: defaultdict[str, list[float]] = defaultdict(list)
    of_sound: defaultdict[str, list[float]] = defaultdict(list)
    for token, frames in pieces:
        heard[token].append(frames)
        of_sound[sound_of(token)].append(frames)
    usual = float(np.mean([frames for all_frames in heard.values() for frames in all_frames]))
    seconds = {BOUNDARY: _BOUNDARY_SECONDS}
    for token in vocabulary:
        if token != BOUNDARY:
            prior = float(np.mean(of_sound[sound_of(token)] or [usual]))
            mean = (sum(heard[token]) + _DOUBT * prior) / (len(heard[token]) + _DOUBT)
            seconds[token] = round(mean / limits.FRAMES_PER_SECOND, 4)
    return seconds
