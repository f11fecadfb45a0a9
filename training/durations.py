"""How long each token usually takes, measured on the recipe's own speech by forced alignment.

Viterbi training of one Gaussian a sound, as recognizers begin: cut every utterance by what is believed, learn each
sound from its pieces, cut again.
"""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from f5_tts_core import limits
from f5_tts_core.text.front_end import FrontEnd
from f5_tts_core.text.pacing import split_end
from f5_tts_core.text.phonemes import BOUNDARY, PAUSES
from training.errors import TrainingError

Floats = npt.NDArray[np.float64]

#: Beside the acoustic model that was trained by them.
DURATIONS_NAME: Final = "token-seconds.json"

_ROUNDS: Final = 8
#: Cepstral coefficients a frame, and how far the change between frames looks to each side.
_CEPSTRA: Final = 14
_REACH: Final = 2
_MIN_VARIANCE: Final = 0.02
_SILENCE: Final = "silence"
#: A boundary makes no sound: one frame, so that words can be told apart.
_BOUNDARY_SECONDS: Final = 1 / limits.FRAMES_PER_SECOND
#: A token's own mean counts for so many times it was heard, against the mean of all forms of its sound.
_DOUBT: Final = 20.0


@dataclass(frozen=True, eq=False)
class _Utterance:
    #: Without boundaries: what makes a sound.
    tokens: list[str]
    #: Of the tokens, between silences: what each sounds like, as an index of the sounds.
    sounds: npt.NDArray[np.int64]
    #: [frames, features].
    features: Floats


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


def measure_token_seconds(
    texts: Sequence[str], mels: Sequence[npt.NDArray[np.float32]], tokenize: FrontEnd, vocabulary: Sequence[str]
) -> dict[str, float]:
    """Usual seconds of every token in `vocabulary`, from texts and their log mels [frames, n_mels]."""
    sounds = sorted({_sound(token) for token in vocabulary} | {_SILENCE})
    index = {sound: place for place, sound in enumerate(sounds)}
    said = [_utterance(text, mel, tokenize, index) for text, mel in zip(texts, mels, strict=True)]
    said = [utterance for utterance in said if len(utterance.features) >= 2 * len(utterance.sounds)]
    cuts = [_even_cut(utterance) for utterance in said]
    for _ in range(_ROUNDS):
        means, variances = _learn(said, cuts, len(sounds))
        cuts = [_align(utterance, means, variances) for utterance in said]
    return _mean_seconds(said, cuts, vocabulary)


def _sound(token: str) -> str:
    """A vowel sounds much the same under each stress; a pause is silence."""
    return _SILENCE if token in (BOUNDARY, *PAUSES) else token.rstrip("012")


def _utterance(text: str, mel: npt.NDArray[np.float32], tokenize: FrontEnd, index: dict[str, int]) -> _Utterance:
    tokens = [token for token in split_end(tokenize(text))[0] if token != BOUNDARY]
    states = [_SILENCE, *map(_sound, tokens), _SILENCE]
    return _Utterance(tokens, np.array([index[state] for state in states]), _features(mel.astype(np.float64)))


def _features(mel: Floats) -> Floats:
    """Cepstra and their change over time, the utterance's mean taken away: less of the voice, more of the sounds."""
    order, band = np.arange(_CEPSTRA)[:, None], np.arange(mel.shape[1])
    cosines = np.cos(np.pi * order * (band + 0.5) / mel.shape[1])
    cepstra = mel @ cosines.T / mel.shape[1]
    padded = np.pad(cepstra, ((_REACH, _REACH), (0, 0)), mode="edge")
    change = padded[2 * _REACH :] - padded[: -2 * _REACH]
    return np.concatenate([cepstra - cepstra.mean(axis=0), change], axis=1)


def _even_cut(utterance: _Utterance) -> npt.NDArray[np.int64]:
    """Which state each frame is in, int64 [frames], before anything is known."""
    return np.arange(len(utterance.features)) * len(utterance.sounds) // len(utterance.features)


def _learn(said: Sequence[_Utterance], cuts: Sequence[npt.NDArray[np.int64]], sounds: int) -> tuple[Floats, Floats]:
    """Mean and variance of each sound's frames: [sounds, features] both. A sound never heard is like the average."""
    frames = np.concatenate([utterance.features for utterance in said])
    labels = np.concatenate([utterance.sounds[cut] for utterance, cut in zip(said, cuts, strict=True)])
    means = np.tile(frames.mean(axis=0), (sounds, 1))
    variances = np.tile(frames.var(axis=0), (sounds, 1))
    for sound in np.unique(labels):
        own = frames[labels == sound]
        means[sound], variances[sound] = own.mean(axis=0), own.var(axis=0)
    return means, np.maximum(variances, _MIN_VARIANCE * frames.var(axis=0))


def _align(utterance: _Utterance, means: Floats, variances: Floats) -> npt.NDArray[np.int64]:
    """The likeliest way from the first state to the last, each at least one frame: int64 [frames]."""
    likelihood = _log_likelihood(utterance.features, means, variances)[:, utterance.sounds]
    frames, states = likelihood.shape
    came = np.zeros((frames, states), np.bool_)
    best = np.full(states, -np.inf)
    best[0] = likelihood[0, 0]
    for frame in range(1, frames):
        from_before = np.concatenate([[-np.inf], best[:-1]])
        came[frame] = from_before > best
        best = np.maximum(best, from_before) + likelihood[frame]
    way = np.empty(frames, np.int64)
    state = states - 1
    for frame in reversed(range(frames)):
        way[frame] = state
        state -= int(came[frame, state])
    return way


def _log_likelihood(features: Floats, means: Floats, variances: Floats) -> Floats:
    """Of every frame under every sound: [frames, sounds]."""
    precision = 1 / variances
    square = features**2 @ precision.T - 2 * features @ (means * precision).T + (means**2 * precision).sum(axis=1)
    likelihood: Floats = -0.5 * (square + np.log(variances).sum(axis=1))
    return likelihood


def _mean_seconds(
    said: Sequence[_Utterance], cuts: Sequence[npt.NDArray[np.int64]], vocabulary: Sequence[str]
) -> dict[str, float]:
    heard: defaultdict[str, list[float]] = defaultdict(list)
    of_sound: defaultdict[str, list[float]] = defaultdict(list)
    for token, frames in _pieces(said, cuts):
        heard[token].append(frames)
        of_sound[_sound(token)].append(frames)
    usual = float(np.mean([frames for all_frames in heard.values() for frames in all_frames]))
    seconds = {BOUNDARY: _BOUNDARY_SECONDS}
    for token in vocabulary:
        if token != BOUNDARY:
            prior = float(np.mean(of_sound[_sound(token)] or [usual]))
            mean = (sum(heard[token]) + _DOUBT * prior) / (len(heard[token]) + _DOUBT)
            seconds[token] = round(mean / limits.FRAMES_PER_SECOND, 4)
    return seconds


def _pieces(said: Sequence[_Utterance], cuts: Sequence[npt.NDArray[np.int64]]) -> Iterator[tuple[str, int]]:
    """Every token that was said, and its frames."""
    for utterance, cut in zip(said, cuts, strict=True):
        counts = np.bincount(cut, minlength=len(utterance.sounds))[1:-1]
        yield from zip(utterance.tokens, counts.tolist(), strict=True)
