"""Words and phrases, and whether a text holds one: whole, whatever its capitals and accents, also when it is hidden.

Hidden as one may without effort: with characters that nobody sees, look-alikes that Unicode itself calls equal (full
width, mathematical letters), marks between letters (`b-a-d`, `b.a.d`), or letters apart (`b a d`). Who replaces
letters by digits, or takes look-alikes from other alphabets, gets through.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Final

#: Letters that have their accent inside, so that no decomposition takes it off.
_PLAIN: Final = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "ħ": "h", "ı": "i", "ŧ": "t"})
#: Blanks that Unicode counts as letters or marks.
_UNSEEN: Final = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f")
#: Scripts that leave no space between words: there each character is a word, and a word a phrase.
_UNSPACED: Final = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
#: Of Indic scripts, whose vowel signs are no letters to `\w`.
_INDIC: Final = "\u0900-\u0963\u0966-\u0dff"
_WORD: Final = re.compile(rf"[{_UNSPACED}]|(?:[^\W_{_UNSPACED}]|[{_INDIC}])+")
#: Combining classes of signs that make another letter, not the same with an accent: nukta, voiced kana, virama.
_SPELLING: Final = (0, 7, 8, 9)
#: Letters apart that hold a word of fewer may be of any other: `U S A S S R`.
_LEAST_WITHIN: Final = 4


class WordList:
    """Immutable. Entries that hold no letter or digit are none."""

    def __init__(self, entries: Iterable[str]) -> None:
        self._phrases = {words for words in map(_words, entries) if words}
        self._lengths = sorted({len(words) for words in self._phrases})
        self._joined = {"".join(words) for words in self._phrases}
        self._within = [word for word in self._joined if len(word) >= _LEAST_WITHIN]

    def __bool__(self) -> bool:
        return bool(self._phrases)

    def occur_in(self, text: str) -> bool:
        plain = _plain(text)
        words = _split(plain)
        return self._has_phrase(words) or self._has_marked(plain) or self._has_apart(words)

    def _has_phrase(self, words: tuple[str, ...]) -> bool:
        return any(window in self._phrases for length in self._lengths for window in _windows(words, length))

    def _has_marked(self, plain: str) -> bool:
        """Something between two spaces that is one of the words once its marks are gone."""
        return any("".join(_WORD.findall(piece)) in self._joined for piece in plain.split())

    def _has_apart(self, words: tuple[str, ...]) -> bool:
        """Single letters in a row: all of them a word, or a longer word among them."""
        rows = ["".join(row) for alone, row in groupby(words, lambda word: len(word) == 1) if alone]
        return any(row in self._joined or any(word in row for word in self._within) for row in rows)


def _windows(words: tuple[str, ...], length: int) -> Iterator[tuple[str, ...]]:
    return (words[start : start + length] for start in range(len(words) - length + 1))


def _words(text: str) -> tuple[str, ...]:
    return _split(_plain(text))


def _split(plain: str) -> tuple[str, ...]:
    return tuple(_WORD.findall(plain))


def _plain(text: str) -> str:
    """Without capitals, accents and what cannot be seen."""
    folded = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    return "".join(filter(_is_seen, folded)).translate(_PLAIN)


def _is_seen(character: str) -> bool:
    """Accents and whatever else combines with a letter count as unseen; blanks that one sees do not."""
    if character.isascii() or character.isspace():
        return character.isspace() or character.isprintable()
    if unicodedata.combining(character) not in _SPELLING or character in _UNSEEN:
        return False
    return unicodedata.category(character) not in ("Cf", "Cc", "Me") and not "\ufe00" <= character <= "\ufe0f"
