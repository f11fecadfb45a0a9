"""Shorten an over-long reference at a pause, audio and transcript together. Free of torch.

Nobody tells us when each word is said. Two things do: the share of the speech that lies before a word boundary,
by the weight of its sounds, and that people pause where there is punctuation. A pause is taken for a boundary's
when both agree and no other boundary comes close.
"""

import re
from dataclasses import dataclass
from enum import IntEnum
from itertools import accumulate, pairwise
from typing import Final

import numpy as np

from f5_tts_core import errors, limits
from f5_tts_core.audio.activity import FRAME_RATE, Span, levels_in_decibels
from f5_tts_core.text.duration import speech_weight
from f5_tts_core.types import Waveform

#: Seconds of a pause that stay on the kept side.
TAIL_SECONDS: Final = 0.05

_WORD: Final = re.compile(r"\S+?(?:[，。！？；：、]+|(?=\s)|$)")
_SENTENCE_END: Final = re.compile(r"[.!?…。！？][\"'”’)」』]*$")
_CLAUSE_END: Final = re.compile(r"[,;:—–，；：、][\"'”’)」』]*$")
#: How far a pause may lie from where its boundary is expected: seconds, and share of the speech before it.
_TOLERANCE_SECONDS: Final = 0.25
_TOLERANCE_SHARE: Final = 0.08
#: A pause inside a clause proves less: it must be longer, and its boundary nearer than the next one by far.
_MIN_HESITATION: Final = 0.15
_MAX_WORD_DEVIATION: Final = 0.08
#: Without a transcript, how far back from the limit a pause is looked for, and then the quietest moment.
_PAUSE_SEARCH_SHARE: Final = 0.5
_QUIET_SEARCH_SECONDS: Final = 0.6


class Rank(IntEnum):
    """What a word boundary ends."""

    SENTENCE = 0
    CLAUSE = 1
    WORD = 2


@dataclass(frozen=True)
class Boundary:
    """The end of a word: characters of the transcript up to it, and seconds of speech expected up to it."""

    characters: int
    seconds: float
    rank: Rank


@dataclass(frozen=True)
class Pause:
    """Where speech stops, how much speech came before it, and how long it lasts; all in seconds."""

    at: float
    speech_before: float
    seconds: float


@dataclass(frozen=True)
class Cut:
    """Keep this many seconds of the audio and this many characters of the transcript."""

    seconds: float
    characters: int


def cut_with_transcript(spans: list[Span], text: str, max_seconds: float) -> Cut:
    """The longest part within `max_seconds` whose end is sure; whole sentences before clauses before words.

    `spans` are the clip's stretches of speech. Raises `UncuttableReference`.
    """
    pauses = _pauses(spans)
    boundaries = _boundaries(text, sum(span.seconds for span in spans))
    cuts: dict[Rank, Cut] = {}
    for pause in pauses:
        boundary = _boundary_of(pause, boundaries, pauses)
        if boundary is not None and _fits(pause, max_seconds):
            cuts[boundary.rank] = Cut(pause.at + TAIL_SECONDS, boundary.characters)
    if not cuts:
        raise _uncuttable(pauses, spans[-1].end, max_seconds)
    return _preferred(cuts)


def cut_without_transcript(audio: Waveform, spans: list[Span], max_seconds: float) -> float:
    """Seconds to keep: up to the last pause in the second half of what fits, else up to the quietest moment."""
    fitting = [pause for pause in _pauses(spans) if pause.at + TAIL_SECONDS <= max_seconds]
    if fitting and fitting[-1].at >= _PAUSE_SEARCH_SHARE * max_seconds:
        return fitting[-1].at + TAIL_SECONDS
    levels = levels_in_decibels(audio.samples, audio.sample_rate)
    end = round(max_seconds * FRAME_RATE)
    start = end - round(_QUIET_SEARCH_SECONDS * FRAME_RATE)
    return (start + int(np.argmin(levels[start:end]))) / FRAME_RATE


def _pauses(spans: list[Span]) -> list[Pause]:
    before = accumulate(span.seconds for span in spans)
    return [
        Pause(span.end, speech, following.start - span.end)
        for (span, following), speech in zip(pairwise(spans), before, strict=False)
    ]


def _boundaries(text: str, speech_seconds: float) -> list[Boundary]:
    """Every word's end but the last, which is the clip's own."""
    words = list(_WORD.finditer(text))
    weights = list(accumulate(speech_weight(word[0]) for word in words))
    rate = speech_seconds / max(weights[-1], 1.0)
    return [Boundary(word.end(), weight * rate, _rank(word[0])) for word, weight in zip(words, weights, strict=True)][
        :-1
    ]


def _rank(word: str) -> Rank:
    if _SENTENCE_END.search(word):
        return Rank.SENTENCE
    return Rank.CLAUSE if _CLAUSE_END.search(word) else Rank.WORD


def _fits(pause: Pause, max_seconds: float) -> bool:
    return limits.MIN_REFERENCE_SECONDS <= pause.at + TAIL_SECONDS <= max_seconds


def _boundary_of(pause: Pause, boundaries: list[Boundary], pauses: list[Pause]) -> Boundary | None:
    """The boundary that this pause is surely at, or None."""
    punctuated = [boundary for boundary in boundaries if boundary.rank < Rank.WORD]
    nearest = _nearest(pause, punctuated)
    if nearest is not None and _deviation(pause, nearest) <= _tolerance(pause) and _is_mutual(pause, nearest, pauses):
        return nearest
    word = _nearest(pause, boundaries)
    if word is not None and word.rank == Rank.WORD and _is_certain(pause, word, boundaries):
        return word
    return None


def _nearest(pause: Pause, boundaries: list[Boundary]) -> Boundary | None:
    return min(boundaries, key=lambda boundary: _deviation(pause, boundary), default=None)


def _deviation(pause: Pause, boundary: Boundary) -> float:
    return abs(pause.speech_before - boundary.seconds)


def _tolerance(pause: Pause) -> float:
    return max(_TOLERANCE_SECONDS, _TOLERANCE_SHARE * pause.speech_before)


def _is_mutual(pause: Pause, boundary: Boundary, pauses: list[Pause]) -> bool:
    """Whether no other pause is a better match for the boundary: longer ones may lie a little farther off."""
    return pause == min(pauses, key=lambda other: _deviation(other, boundary) - min(other.seconds, 0.5))


def _is_certain(pause: Pause, word: Boundary, boundaries: list[Boundary]) -> bool:
    others = [_deviation(pause, other) for other in boundaries if other != word]
    deviation = _deviation(pause, word)
    return (
        pause.seconds >= _MIN_HESITATION
        and deviation <= _MAX_WORD_DEVIATION
        and all(other >= 3 * deviation + 0.1 for other in others)
    )


def _preferred(cuts: dict[Rank, Cut]) -> Cut:
    """The highest rank, unless a lower one keeps half as much again."""
    best, *others = (cuts[rank] for rank in sorted(cuts))
    for other in others:
        if other.seconds > 1.5 * best.seconds:
            best = other
    return best


def _uncuttable(pauses: list[Pause], seconds: float, max_seconds: float) -> errors.UncuttableReference:
    why = (
        "no pause in it stands where the transcript, by its length, has the end of a sentence, clause or word"
        if any(_fits(pause, max_seconds) for pause in pauses)
        else f"there is no pause between {limits.MIN_REFERENCE_SECONDS:g} s and {max_seconds:g} s"
    )
    return errors.UncuttableReference(
        f"The speech lasts {seconds:.1f} s, this model follows {max_seconds:g} s, and {why}. "
        f"Send at most {max_seconds:g} s with the words said in them, or leave the transcript out."
    )
