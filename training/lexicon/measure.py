"""Measures the readings: `python -m training.lexicon.measure cmudict.dict [plain-text files]`.

How near the fallbacks come to the dictionary for words held out of it; and of a text, how many running words need them,
and how far its letters would tell its sounds.
"""

import re
import sys
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from f5_tts_core.text.letter_to_sound import WIDEST, sound_out
from f5_tts_core.text.lexicon import Lexicon, load_lexicon, pack, unpack
from f5_tts_core.text.morphology import derive
from f5_tts_core.text.phonemes import Phonemizer
from training.lexicon.cmudict import read_cmudict
from training.lexicon.rules import learn_rules

#: Every so manieth word of the dictionary is held out.
_HELD_OUT_EVERY: Final = 20
_WORD: Final = re.compile(r"[A-Za-z]+(?:'[A-Za-z]+)*")


def fallbacks(source: Path) -> str:
    """A table: for the held-out words that each way of reading takes, its phone and word error rates."""
    words = read_cmudict(source)
    plain = sorted(word for word in words if word.isalpha() and len(word) > 1)
    held_out = {word: words[word] for word in plain[::_HELD_OUT_EVERY]}
    known = {word: phones for word, phones in words.items() if word not in held_out}
    lexicon = Lexicon({word: pack(phones) for word, phones in known.items()}, learn_rules(known))
    derived = {word: derive(word, lexicon.words) for word in held_out}
    left = {word: phones for word, phones in held_out.items() if derived[word] is None}
    rows = [
        _row("rules alone", held_out, lambda word: sound_out(word, lexicon.rules)),
        _row("morphology, where it knows", _without(held_out, left), lambda word: derived[word] or ""),
        _row("rules, where it does not", left, lambda word: sound_out(word, lexicon.rules)),
        _row("both, as in use", held_out, Phonemizer(lexicon).read),
    ]
    return "\n".join(["way | words | phone errors | without stress | words right", *rows])


def coverage(text: str) -> str:
    """Shares of running words by the way they are read, and the commonest words that fall to the rules."""
    words = load_lexicon().words
    ways: Counter[str] = Counter()
    unknown: Counter[str] = Counter()
    for word in map(str.lower, _WORD.findall(text)):
        way = "dictionary" if word in words else "morphology" if derive(word, words) else "rules"
        ways[way] += 1
        unknown.update([word] if way == "rules" else [])
    shares = ", ".join(f"{way} {count / ways.total():.2%}" for way, count in ways.most_common())
    return f"{ways.total()} words: {shares}; by rules: {' '.join(word for word, _ in unknown.most_common(60))}"


def letters_tell(text: str) -> str:
    """Phone errors and words right of running words read by rules no wider than so many letters, stress left out."""
    lexicon = load_lexicon()
    running = Counter(word for word in map(str.lower, _WORD.findall(text)) if word in lexicon.words and word.isalpha())
    said = {word: _plain(unpack(lexicon.words[word])) for word in running}
    phones = sum(len(said[word]) * count for word, count in running.items())
    rows = []
    for width in range(1, WIDEST + 1, 2):
        rules = {key: reading for key, reading in lexicon.rules.items() if len(key) <= width}
        wrong = {word: distance(said[word], _plain(unpack(sound_out(word, rules)))) for word in running}
        errors = sum(wrong[word] * count for word, count in running.items())
        right = sum(count for word, count in running.items() if not wrong[word])
        rows.append(f"{width} letters: {errors / phones:.1%} phone errors, {right / running.total():.1%} words right")
    return "; ".join(rows)


def _without(words: Mapping[str, list[str]], others: Mapping[str, list[str]]) -> dict[str, list[str]]:
    return {word: phones for word, phones in words.items() if word not in others}


def _row(way: str, words: Mapping[str, list[str]], read: Callable[[str], str]) -> str:
    errors = plain_errors = right = phones = 0
    for word, expected in words.items():
        found = unpack(read(word))
        wrong = distance(expected, found)
        errors += wrong
        plain_errors += distance(_plain(expected), _plain(found))
        right += wrong == 0
        phones += len(expected)
    return f"{way} | {len(words)} | {errors / phones:.1%} | {plain_errors / phones:.1%} | {right / len(words):.1%}"


def _plain(phones: list[str]) -> list[str]:
    return [phone.rstrip("012") for phone in phones]


def distance(expected: list[str], found: list[str]) -> int:
    """Phones to insert, delete or replace."""
    row = list(range(len(found) + 1))
    for index, phone in enumerate(expected, start=1):
        diagonal, row[0] = row[0], index
        for at, other in enumerate(found, start=1):
            diagonal, row[at] = row[at], min(row[at] + 1, row[at - 1] + 1, diagonal + (phone != other))
    return row[-1]


if __name__ == "__main__":
    print(fallbacks(Path(sys.argv[1])))  # noqa: T201
    for path in sys.argv[2:]:
        text = Path(path).read_text(encoding="utf-8", errors="replace")
        print(path, coverage(text), letters_tell(text), sep="\n")  # noqa: T201
