"""Learns letter-to-sound rules: a letter's surroundings earn a rule where they say otherwise than narrower ones do."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from typing import Final

from f5_tts_core.text.letter_to_sound import WIDEST, in_parts, surroundings
from f5_tts_core.text.lexicon import pack, unpack
from training.lexicon.alignment import Aligner

#: Surroundings seen less often than this are left to narrower ones: half the accuracy they add costs twice the size.
_LEAST_SEEN: Final = 2
_ALIGNER_LEARNS_FROM: Final = 15_000


def learn_rules(words: Mapping[str, list[str]]) -> dict[str, str]:
    """Rules (surroundings to reading) from words and their phones. Words with other signs than a to z are left out."""
    pairs = sorted((word, unpack(in_parts(pack(phones)))) for word, phones in words.items() if word.isalpha())
    step = max(1, len(pairs) // _ALIGNER_LEARNS_FROM)
    counts = _count(pairs, Aligner(pairs[::step]))
    rules: dict[str, str] = {}
    for width in range(1, WIDEST + 1):
        for key, sounds in counts[width].items():
            ((sound, _),) = sounds.most_common(1)
            if sounds.total() >= _LEAST_SEEN and sound != _said_already(key, rules):
                rules[key] = sound
    return rules


def _count(pairs: list[tuple[str, list[str]]], aligner: Aligner) -> Mapping[int, dict[str, Counter[str]]]:
    """By width, how often each key has each reading."""
    counts: dict[int, dict[str, Counter[str]]] = {width: defaultdict(Counter) for width in range(1, WIDEST + 1)}
    for word, phones in pairs:
        sounds = aligner.align(word, phones)
        for keys, sound in zip(surroundings(word), sounds or [], strict=False):
            for key in keys:
                counts[len(key)][key][pack(sound)] += 1
    return counts


def _said_already(key: str, rules: Mapping[str, str]) -> str | None:
    """What the widest narrower rule says. Letters were added to a key at its right and its left in turn."""
    while len(key) > 1:
        key = key[:-1] if len(key) % 2 == 0 else key[1:]
        if key in rules:
            return rules[key]
    return None
