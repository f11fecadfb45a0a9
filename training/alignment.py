"""Where each token of a text is in its speech: Viterbi training of one Gaussian a sound, as recognizers begin.

Every utterance is cut by what is believed, each sound learned from its pieces, and all cut again.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Self

import numpy as np
import numpy.typing as npt

from f5_tts_core.text.front_end import FrontEnd
from f5_tts_core.text.pacing import split_end
from f5_tts_core.text.phonemes import BOUNDARY, PAUSES

Floats = npt.NDArray[np.float64]
Mel = npt.NDArray[np.float32]
#: Which state each frame of an utterance is in: int64 [frames].
Cut = npt.NDArray[np.int64]

_ROUNDS: Final = 8
#: Cepstral coefficients a frame, and how far the change between frames looks to each side.
_CEPSTRA: Final = 14
_REACH: Final = 2
_MIN_VARIANCE: Final = 0.02
_SILENCE: Final = "silence"


@dataclass(frozen=True, eq=False)
class _Utterance:
    #: As it is read, without the pause that ends it, and that pause.
    body: Sequence[str]
    end: str
    #: The body without boundaries: what makes a sound.
    tokens: list[str]
    #: Of the tokens, between silences: what each sounds like, as an index of the sounds.
    sounds: npt.NDArray[np.int64]
    #: [frames, features].
    features: Floats

    @property
    def is_long_enough(self) -> bool:
        return len(self.features) >= 2 * len(self.sounds)


class Aligner:
    """What each sound sounds like, learned from texts and their log mels [frames, n_mels]."""

    def __init__(
        self, tokenize: FrontEnd, index: dict[str, int], means: Floats, variances: Floats, heard: list[tuple[str, int]]
    ) -> None:
        self.tokenize = tokenize
        self._index = index
        self._means, self._variances = means, variances
        #: Every token in what was learned from, and its frames.
        self.heard = heard

    @classmethod
    def learn(cls, texts: Sequence[str], mels: Sequence[Mel], tokenize: FrontEnd, vocabulary: Sequence[str]) -> Self:
        sounds = sorted({sound_of(token) for token in vocabulary} | {_SILENCE})
        index = {sound: place for place, sound in enumerate(sounds)}
        said = [_utterance(text, mel, tokenize, index) for text, mel in zip(texts, mels, strict=True)]
        said = [utterance for utterance in said if utterance.is_long_enough]
        cuts = [_even_cut(utterance) for utterance in said]
        for _ in range(_ROUNDS):
            means, variances = _learn(said, cuts, len(sounds))
            cuts = [_align(utterance, means, variances) for utterance in said]
        return cls(tokenize, index, means, variances, list(_pieces(said, cuts)))

    def spread(self, text: str, mel: Mel) -> list[str] | None:
        """One token for each frame of `mel`, where it is spoken; None where there are hardly frames enough."""
        said = _utterance(text, mel, self.tokenize, self._index)
        if not said.is_long_enough:
            return None
        first, *counts, last = _counts(said, _align(said, self._means, self._variances))
        spoken = [token for token, count in _with_boundaries(said, counts) for _ in range(count)]
        return [BOUNDARY] * first + spoken + [said.end] * last


def sound_of(token: str) -> str:
    """A vowel sounds much the same under each stress; a pause is silence."""
    return _SILENCE if token in (BOUNDARY, *PAUSES) else token.rstrip("012")


def _utterance(text: str, mel: Mel, tokenize: FrontEnd, index: dict[str, int]) -> _Utterance:
    body, end = split_end(tokenize(text))
    tokens = [token for token in body if token != BOUNDARY]
    states = [_SILENCE, *map(sound_of, tokens), _SILENCE]
    sounds = np.array([index[state] for state in states])
    return _Utterance(body, end, tokens, sounds, _features(mel.astype(np.float64)))


def _features(mel: Floats) -> Floats:
    """Cepstra and their change over time, the utterance's mean taken away: less of the voice, more of the sounds."""
    order, band = np.arange(_CEPSTRA)[:, None], np.arange(mel.shape[1])
    cosines = np.cos(np.pi * order * (band + 0.5) / mel.shape[1])
    cepstra = mel @ cosines.T / mel.shape[1]
    padded = np.pad(cepstra, ((_REACH, _REACH), (0, 0)), mode="edge")
    change = padded[2 * _REACH :] - padded[: -2 * _REACH]
    return np.concatenate([cepstra - cepstra.mean(axis=0), change], axis=1)


def _even_cut(utterance: _Utterance) -> Cut:
    """Before anything is known."""
    return np.arange(len(utterance.features)) * len(utterance.sounds) // len(utterance.features)


def _learn(said: Sequence[_Utterance], cuts: Sequence[Cut], sounds: int) -> tuple[Floats, Floats]:
    """Mean and variance of each sound's frames: [sounds, features] both. A sound never heard is like the average."""
    frames = np.concatenate([utterance.features for utterance in said])
    labels = np.concatenate([utterance.sounds[cut] for utterance, cut in zip(said, cuts, strict=True)])
    means = np.tile(frames.mean(axis=0), (sounds, 1))
    variances = np.tile(frames.var(axis=0), (sounds, 1))
    for sound in np.unique(labels):
        own = frames[labels == sound]
        means[sound], variances[sound] = own.mean(axis=0), own.var(axis=0)
    return means, np.maximum(variances, _MIN_VARIANCE * frames.var(axis=0))


def _align(utterance: _Utterance, means: Floats, variances: Floats) -> Cut:
    """The likeliest way from the first state to the last, each at least one frame."""
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


def _counts(utterance: _Utterance, cut: Cut) -> list[int]:
    """Frames of each state."""
    counts: list[int] = np.bincount(cut, minlength=len(utterance.sounds)).tolist()
    return counts


def _pieces(said: Sequence[_Utterance], cuts: Sequence[Cut]) -> Iterator[tuple[str, int]]:
    for utterance, cut in zip(said, cuts, strict=True):
        yield from zip(utterance.tokens, _counts(utterance, cut)[1:-1], strict=True)


def _with_boundaries(utterance: _Utterance, counts: Sequence[int]) -> list[tuple[str, int]]:
    """The tokens as they are read, and their frames: a boundary takes one of the token before it, if that has two."""
    spoken = iter(counts)
    placed: list[tuple[str, int]] = []
    for token in utterance.body:
        if token != BOUNDARY:
            placed.append((token, next(spoken)))
        elif placed and placed[-1][1] > 1:
            before, frames = placed.pop()
            placed += [(before, frames - 1), (token, 1)]
    return placed
