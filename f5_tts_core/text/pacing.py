"""Where each token of a text falls in its speech: how long tokens usually take, measured on what a model learned from.

A model trained on paced tokens is told roughly when each sound is due, one token a mel frame, instead of having to
find it out from tokens spread evenly.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate, chain, repeat
from typing import Final

from f5_tts_core import limits
from f5_tts_core.text.lexicon import STRESSED_VOWELS
from f5_tts_core.text.phonemes import BOUNDARY, PAUSES

#: Silence at both ends of an utterance.
_EDGES: Final = 2 * limits.EDGE_SECONDS
#: How much faster or slower than usual a voice may be: more is a bad transcript, not a voice.
_MAX_TEMPO: Final = 2.0
_MIN_SECONDS: Final = 0.5
_PERIOD: Final = "."
#: How much longer the last vowel before a pause is than usual, and what follows it. Fitted, with the speaker's tempo
#: and each token's usual time, to 800 utterances of the recipe's speech; no other context told as much.
_LAST_VOWEL: Final = 1.54
_AFTER_LAST_VOWEL: Final = 1.23


class Pacing:
    """Spreads tokens over frames, and says how long they take, by the usual seconds of each token."""

    #: Tokens that it adds: silence at the start, and the end of a text without a final pause.
    NEEDED: Final = (BOUNDARY, _PERIOD)

    def __init__(self, token_seconds: Mapping[str, float]) -> None:
        self._seconds = token_seconds

    def usual_seconds(self, tokens: Sequence[str]) -> float:
        """Of the speech without its edges; the pause that ends it is an edge."""
        return sum(self._in_place(split_end(tokens)[0]))

    def estimate_seconds(
        self, tokens: Sequence[str], *, reference_seconds: float, reference_tokens: Sequence[str], speed: float
    ) -> float:
        """Seconds that the voice of the reference takes, edges included, at `speed` times its own rate."""
        spoken = max(reference_seconds - _EDGES, limits.EDGE_SECONDS)
        tempo = self.usual_seconds(reference_tokens) / spoken
        tempo = min(max(tempo, 1 / _MAX_TEMPO), _MAX_TEMPO)
        return max(self.usual_seconds(tokens) / tempo + _EDGES, _MIN_SECONDS) / speed

    def spread(self, tokens: Sequence[str], frames: int) -> list[str]:
        """One token for each of `frames`: silence, the tokens in proportion to their time, the final pause."""
        body, end = split_end(tokens)
        edge = min(round(limits.EDGE_SECONDS * limits.FRAMES_PER_SECOND), frames // 2)
        ends = [*accumulate(self._in_place(body))]
        scale = (frames - 2 * edge) / ends[-1] if ends else 0.0
        bounds = [0, *(round(scale * end) for end in ends)]
        paced = [repeat(token, bounds[place + 1] - bounds[place]) for place, token in enumerate(body)]
        spread = [*repeat(BOUNDARY, edge), *chain.from_iterable(paced)]
        return spread + [end] * (frames - len(spread))

    def _in_place(self, body: Sequence[str]) -> Iterator[float]:
        """Seconds of each token where it stands."""
        return (self._seconds[token] * stretch for token, stretch in zip(body, _stretches(body), strict=True))


def _stretches(body: Sequence[str]) -> list[float]:
    """How much longer than usual each token takes: the last syllable before a pause is drawn out."""
    stretches = [1.0] * len(body)
    pause: int | None = len(body)
    for place in reversed(range(len(body))):
        if body[place] in PAUSES:
            pause = place
        elif body[place] in STRESSED_VOWELS and pause is not None:
            stretches[place:pause] = [_LAST_VOWEL] + [_AFTER_LAST_VOWEL] * (pause - place - 1)
            pause = None
    return stretches


def split_end(tokens: Sequence[str]) -> tuple[Sequence[str], str]:
    """The tokens without the pauses that end them, and the last of these: a period where there is none."""
    last = len(tokens)
    while last and tokens[last - 1] in (BOUNDARY, *PAUSES):
        last -= 1
    return tokens[:last], next((token for token in reversed(tokens[last:]) if token != BOUNDARY), _PERIOD)
