"""Shorten an over-long reference at a pause, audio and transcript together. Free of torch."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from f5_tts_core import errors, limits
from f5_tts_core.alignment import Pair, Pause, align, pauses_between
from f5_tts_core.audio.activity import FRAME_RATE, Span, levels_in_decibels
from f5_tts_core.types import Waveform

#: Seconds of a pause that stay on the kept side.
TAIL_SECONDS: Final = 0.05
#: How sure it must be that a pause is where the transcript is cut.
MIN_PROBABILITY: Final = 0.8
#: A lower rank of boundary is taken only where it keeps this many times more.
_WORTH_A_RANK: Final = 1.6
#: Without a transcript, how far back from the limit a pause is looked for, and then the quietest moment.
_PAUSE_SEARCH_SHARE: Final = 0.5
_QUIET_SEARCH_SECONDS: Final = 0.6


@dataclass(frozen=True)
class Cut:
    """Keep this many seconds of the audio and this many characters of the transcript."""

    seconds: float
    characters: int


def cut_with_transcript(spans: list[Span], text: str, max_seconds: float) -> Cut:
    """The longest part within `max_seconds` whose end is sure; whole sentences before clauses before words.

    `spans` are the clip's stretches of speech. Raises `UncuttableReference`.
    """
    sure = [
        pair for pair in align(spans, text) if pair.probability >= MIN_PROBABILITY and _fits(pair.pause, max_seconds)
    ]
    if not sure:
        raise _uncuttable(pauses_between(spans), spans[-1].end, max_seconds)
    best = _best(sure)
    return Cut(best.pause.at + TAIL_SECONDS, best.end.characters)


def cut_without_transcript(audio: Waveform, spans: list[Span], max_seconds: float) -> float:
    """Seconds to keep: up to the last pause in the second half of what fits, else up to the quietest moment."""
    fitting = [pause for pause in pauses_between(spans) if pause.at + TAIL_SECONDS <= max_seconds]
    if fitting and fitting[-1].at >= _PAUSE_SEARCH_SHARE * max_seconds:
        return fitting[-1].at + TAIL_SECONDS
    levels = levels_in_decibels(audio.samples, audio.sample_rate)
    end = round(max_seconds * FRAME_RATE)
    start = max(0, end - round(_QUIET_SEARCH_SECONDS * FRAME_RATE))
    return (start + int(np.argmin(levels[start:end]))) / FRAME_RATE


def _fits(pause: Pause, max_seconds: float) -> bool:
    return limits.MIN_REFERENCE_SECONDS <= pause.at + TAIL_SECONDS <= max_seconds


def _best(pairs: list[Pair]) -> Pair:
    longest = {pair.end.rank: pair for pair in sorted(pairs, key=lambda pair: pair.pause.at)}
    best, *lower = (longest[rank] for rank in sorted(longest))
    for pair in lower:
        if pair.pause.at > _WORTH_A_RANK * best.pause.at:
            best = pair
    return best


def _uncuttable(pauses: list[Pause], seconds: float, max_seconds: float) -> errors.UncuttableReference:
    why = (
        "it is not sure which of its pauses ends which word of the transcript"
        if any(_fits(pause, max_seconds) for pause in pauses)
        else f"there is no pause in it between {limits.MIN_REFERENCE_SECONDS:g} s and {max_seconds:g} s"
    )
    return errors.UncuttableReference(
        f"The speech lasts {seconds:.1f} s, this model follows {max_seconds:g} s, and {why}. "
        f"Send at most {max_seconds:g} s with the words said in them, or leave the transcript out."
    )
