"""Which letter of a word stands for which of its sounds: found by Viterbi, learned by expectation and maximisation."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Final

#: Stress is left out while aligning: it is not the letter that makes it.
_DIGITS: Final = "012"
_MOST_SOUNDS: Final = 2
_ROUNDS: Final = 5

Phones = tuple[str, ...]
Costs = Mapping[tuple[str, Phones], float]
#: What a letter costs for sounds it was never seen with, by their number: at first, and once there are counts.
_UNSEEN_AT_FIRST: Final = (3.0, 6.0, 9.0)
_UNSEEN: Final = (9.0, 12.0, 14.0)


class Aligner:
    """Learns from words and their phones what every letter may stand for, which is nothing to two phones."""

    def __init__(self, pairs: Sequence[tuple[str, Sequence[str]]]) -> None:
        bare = [(word, _bare(phones)) for word, phones in pairs]
        self._costs, self._unseen = _costs_at_first(bare), _UNSEEN_AT_FIRST
        for _ in range(_ROUNDS):
            self._costs, self._unseen = self._counted(bare), _UNSEEN

    def align(self, word: str, phones: Sequence[str]) -> list[Phones] | None:
        """Each letter's phones, stress included; None for more phones than the letters can stand for."""
        cuts = self._cuts(word, _bare(phones))
        return None if cuts is None else [tuple(phones[start:end]) for start, end in pairwise(cuts)]

    def _counted(self, pairs: Iterable[tuple[str, Phones]]) -> Costs:
        together: Counter[tuple[str, Phones]] = Counter()
        for word, phones in pairs:
            together.update(zip(word, self.align(word, phones) or [], strict=False))
        letters: Counter[str] = Counter()
        for (letter, _), count in together.items():
            letters[letter] += count
        return {key: -math.log(count / letters[key[0]]) for key, count in together.items()}

    def _cuts(self, word: str, phones: Phones) -> list[int] | None:
        """Where each letter's phones start, and the end: the cheapest way through."""
        best = {0: (0.0, [0])}
        for letter in word:
            reached: dict[int, tuple[float, list[int]]] = {}
            for start, (cost, cuts) in best.items():
                for end in range(start, min(start + _MOST_SOUNDS, len(phones)) + 1):
                    total = cost + self._cost(letter, phones[start:end])
                    if end not in reached or total < reached[end][0]:
                        reached[end] = (total, [*cuts, end])
            best = reached
        return best[len(phones)][1] if len(phones) in best else None

    def _cost(self, letter: str, phones: Phones) -> float:
        return self._costs.get((letter, phones), self._unseen[len(phones)])


def _costs_at_first(pairs: Iterable[tuple[str, Phones]]) -> Costs:
    """Letters and phones that keep company belong together."""
    together: Counter[tuple[str, str]] = Counter()
    letters: Counter[str] = Counter()
    phones_seen: Counter[str] = Counter()
    for word, phones in pairs:
        letters.update(set(word))
        phones_seen.update(set(phones))
        together.update((letter, phone) for letter in set(word) for phone in set(phones))
    return {
        (letter, (phone,)): -math.log(count / letters[letter] * count / phones_seen[phone])
        for (letter, phone), count in together.items()
    }


def _bare(phones: Iterable[str]) -> Phones:
    return tuple(phone.rstrip(_DIGITS) for phone in phones)
