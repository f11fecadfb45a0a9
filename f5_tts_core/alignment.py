"""Which pause of a clip ends which word of its transcript, and how sure that is. Free of torch.

Nobody tells us when each word is said. Two things do: between two pauses lies as much speech as the words between
them weigh, and people pause where there is punctuation. Every way to pair pauses with word ends, in order, gets a
likelihood from both; summed over all ways (forward and backward) they give each pair's probability.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from itertools import accumulate, pairwise
from typing import Final

import numpy as np
import numpy.typing as npt

from f5_tts_core.audio.activity import Span
from f5_tts_core.text.duration import speech_weight

Likelihoods = npt.NDArray[np.float64]

_WORD: Final = re.compile(r"\S+?(?:[，。！？；：、]+|(?=\s)|$)")
_SENTENCE_END: Final = re.compile(r"[.!?…。！？][\"'”’)」』]*$")
_CLAUSE_END: Final = re.compile(r"[,;:—–，；：、][\"'”’)」』]*$")

#: What the drawn-out last syllable of a clause adds to its weight.
_FINAL_WEIGHT: Final = 1.0
#: Variance, in s^2, of how long words take against what they weigh: a pair's own, and by second of speech.
_PLACE_VARIANCE: Final = 0.05**2
_RATE_VARIANCE: Final = 0.02
#: A pause shorter than this may be the closure of a p, t or k inside a word.
_CLOSURE_SECONDS: Final = 0.14
#: Word ends farther from a pause than this many standard deviations are not tried.
_REACH_DEVIATIONS: Final = 4.0
#: Pauses in a row that may stay without a word end.
_MAX_UNPAIRED: Final = 5
#: Below every log-likelihood that can be reached, and what keeps log() from zero.
_IMPOSSIBLE: Final = -1e9
_TINY: Final = 1e-300


class Rank(IntEnum):
    """What a word ends."""

    SENTENCE = 0
    CLAUSE = 1
    WORD = 2


#: Log-likelihoods: a pause at such a word's end, and none there.
_PAIRED: Final = {Rank.SENTENCE: -0.05, Rank.CLAUSE: -0.4, Rank.WORD: -3.0}
_UNPAUSED: Final = {Rank.SENTENCE: -3.0, Rank.CLAUSE: -1.0, Rank.WORD: -0.05}


@dataclass(frozen=True)
class WordEnd:
    """Characters of the transcript up to a word's end, and seconds of speech expected up to it."""

    characters: int
    speech: float
    rank: Rank


@dataclass(frozen=True)
class Pause:
    """Where speech stops, how much speech came before, and how long the pause lasts; all in seconds."""

    at: float
    speech: float
    seconds: float


@dataclass(frozen=True)
class Pair:
    """A pause, the word end it is at, and the probability of that, 0..1."""

    pause: Pause
    end: WordEnd
    probability: float


def align(spans: list[Span], text: str) -> list[Pair]:
    """Every pair of a pause between `spans` and a word end of `text` that is possible at all."""
    pauses = pauses_between(spans)
    ends = word_ends(text, sum(span.seconds for span in spans))
    return list(_Lattice(pauses, ends).pairs())


def pauses_between(spans: list[Span]) -> list[Pause]:
    speech = accumulate(span.seconds for span in spans)
    return [
        Pause(span.end, before, following.start - span.end)
        for (span, following), before in zip(pairwise(spans), speech, strict=False)
    ]


def word_ends(text: str, speech_seconds: float) -> list[WordEnd]:
    """The end of every word; the last one is at `speech_seconds`."""
    words = list(_WORD.finditer(text))
    ranks = [_rank(word[0]) for word in words]
    weights = list(accumulate(_weight(word[0], rank) for word, rank in zip(words, ranks, strict=True)))
    rate = speech_seconds / weights[-1]
    return [WordEnd(word.end(), weight * rate, rank) for word, weight, rank in zip(words, weights, ranks, strict=True)]


def _weight(word: str, rank: Rank) -> float:
    return speech_weight(word) + (_FINAL_WEIGHT if rank < Rank.WORD else 0.0)


def _rank(word: str) -> Rank:
    if _SENTENCE_END.search(word):
        return Rank.SENTENCE
    return Rank.CLAUSE if _CLAUSE_END.search(word) else Rank.WORD


@dataclass(frozen=True, eq=False)
class _Column:
    """A pause, and the word ends it may be at: their indices and expected seconds, both of shape [ends].

    The clip's start is pause -1 at word end -1; its end is one past the last pause, at the last word's end.
    """

    pause: int
    heard: float
    ends: npt.NDArray[np.intp]
    expected: Likelihoods


class _Lattice:
    """All ways through the clip, from its start over paired pauses to its end."""

    def __init__(self, pauses: list[Pause], ends: list[WordEnd]) -> None:
        self._pauses, self._ends = pauses, ends
        self._speech = np.array([end.speech for end in ends])
        self._paired = np.array([_PAIRED[end.rank] for end in ends])
        self._skipped_pauses = _prefix_sums([_unpaired(pause) for pause in pauses])
        self._skipped_ends = _prefix_sums([_UNPAUSED[end.rank] for end in ends])
        self._columns = [
            _Column(-1, 0.0, np.array([-1]), np.zeros(1)),
            *(self._column(index, pause) for index, pause in enumerate(pauses)),
            _Column(len(pauses), ends[-1].speech, np.array([len(ends) - 1]), self._speech[-1:]),
        ]

    def pairs(self) -> Iterator[Pair]:
        """Every pair in the lattice, with its share of the likelihood of all ways through."""
        forward, backward = self._forward(), self._backward()
        total = forward[-1][0]
        if total == -np.inf:
            return
        for column, before, after in zip(self._columns[1:-1], forward[1:-1], backward[1:-1], strict=True):
            for end, likelihood in zip(column.ends, before + after - total, strict=True):
                yield Pair(self._pauses[column.pause], self._ends[end], float(np.exp(min(0.0, likelihood))))

    def _column(self, index: int, pause: Pause) -> _Column:
        distance = min(pause.speech, self._speech[-1] - pause.speech)
        reach = _REACH_DEVIATIONS * np.sqrt(_PLACE_VARIANCE + _RATE_VARIANCE * distance)
        ends = np.flatnonzero(np.abs(self._speech[:-1] - pause.speech) <= reach)
        return _Column(index, pause.speech, ends, self._speech[ends])

    def _forward(self) -> list[Likelihoods]:
        """Log-likelihood of all ways from the clip's start to each pair, by column; shape [ends]."""
        reached: list[Likelihoods] = [np.zeros(1)]
        for position, column in enumerate(self._columns[1:], start=1):
            ways = [
                reached[other][:, None] + self._steps(self._columns[other], column)
                for other in range(max(0, position - _MAX_UNPAIRED - 1), position)
            ]
            reached.append(_log_sum(np.concatenate(ways, axis=0), axis=0))
        return reached

    def _backward(self) -> list[Likelihoods]:
        """Log-likelihood of all ways from each pair to the clip's end, by column; shape [ends]."""
        left: list[Likelihoods] = [np.zeros(1)]
        for position in range(len(self._columns) - 2, -1, -1):
            column = self._columns[position]
            others = self._columns[position + 1 : position + _MAX_UNPAIRED + 2]
            ways = [
                self._steps(column, other) + after[None, :]
                for other, after in zip(others, reversed(left), strict=False)
            ]
            left.append(_log_sum(np.concatenate(ways, axis=1), axis=1))
        return left[::-1]

    def _steps(self, left: _Column, right: _Column) -> Likelihoods:
        """Log-likelihood of each pair of `right` coming next after each of `left`; shape [left, right]."""
        expected = right.expected[None, :] - left.expected[:, None]
        variance = _PLACE_VARIANCE + _RATE_VARIANCE * np.maximum(expected, 0.0)
        fit = -((right.heard - left.heard - expected) ** 2) / (2 * variance) - 0.5 * np.log(variance)
        fit += self._skipped_pauses[right.pause] - self._skipped_pauses[left.pause + 1]
        fit += self._skipped_ends[right.ends][None, :] - self._skipped_ends[left.ends + 1][:, None]
        if right.pause < len(self._pauses):
            fit += self._paired[right.ends][None, :]
        return np.where(right.ends[None, :] > left.ends[:, None], fit, -np.inf)


def _unpaired(pause: Pause) -> float:
    """Log-likelihood of a pause that is at no word's end: the longer, the less."""
    return -0.7 if pause.seconds < _CLOSURE_SECONDS else -4.0 - 10.0 * (pause.seconds - _CLOSURE_SECONDS)


def _prefix_sums(values: list[float]) -> Likelihoods:
    return np.concatenate(([0.0], np.cumsum(values)))


def _log_sum(values: Likelihoods, axis: int) -> Likelihoods:
    """log(sum(exp(values))) along `axis`; -inf where there is nothing to add."""
    largest = np.max(values, axis=axis, initial=_IMPOSSIBLE)
    total: Likelihoods = np.log(np.sum(np.exp(values - np.expand_dims(largest, axis)), axis=axis) + _TINY) + largest
    return np.where(largest > _IMPOSSIBLE, total, -np.inf)
