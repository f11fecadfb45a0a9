"""English text to phones, word boundaries and pauses: the front end `phonemes-en`.

A word's reading comes from the dictionary, else from words it is made of, else from rules by its letters. Characters
that are no English pass through as they are, for `normalize` to replace or report.
"""

import re
from collections.abc import Callable
from functools import cache, lru_cache
from typing import Final

from f5_tts_core.text.letter_to_sound import sound_out
from f5_tts_core.text.lexicon import PHONES, Lexicon, load_lexicon, pack, unpack
from f5_tts_core.text.morphology import HYPHENATED_PREFIXES, derive, plural

PAUSES: Final = (",", ".", "!", "?")
BOUNDARY: Final = " "

#: Longer words than this are read in pieces, so that no word takes more time or memory than its letters do.
_LONGEST: Final = 32
_CACHED_WORDS: Final = 8192
_LONGEST_ACRONYM: Final = 4

_PIECE: Final = re.compile(
    r"(?P<initials>(?<![A-Za-z])(?:[A-Za-z]\.){2,})"
    r"|(?P<title>\b(?i:mr|mrs|ms|dr|prof|st|mt|vs)\.(?=\s))"
    r"|(?P<word>'?[A-Za-z]+(?:['-][A-Za-z]+)*'?)"
    r"|(?P<gap>[\s-]+|')"
    r"|(?P<sign>.)"
)
_TITLES: Final = {
    "mr": "mister", "mrs": "missus", "ms": "miz", "dr": "doctor", "prof": "professor", "st": "saint", "mt": "mount",
    "vs": "versus",
}  # fmt: skip
#: What follows where the period of `p.m.` ends the sentence too. (That of `U.S.` more often stands before a name.)
_SENTENCE_FOLLOWS: Final = re.compile(r"\s*$|\s+[A-Z]")
_TEXT_ENDS: Final = re.compile(r"\s*$")
_ACRONYM: Final = re.compile(r"([A-Z]{2,})('?s)?")
#: Words in the dictionary that in capitals are something else, except after a word in capitals: "HELP US".
_ALSO_ACRONYMS: Final = frozenset({"US"})
_HUMPS: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_HAS_VOWEL: Final = re.compile(r"[aeiouy]")
_NAME_OF_A: Final = pack("EY1")


def phoneme_tokens() -> list[str]:
    """Every token of the front end, in the order of its `vocab.txt`."""
    return [BOUNDARY, *PAUSES, *PHONES]


@cache
def phoneme_front_end() -> Callable[[str], list[str]]:
    """The front end with the lexicon that comes with us."""
    return Phonemizer(load_lexicon())


class Phonemizer:
    """Text to tokens. Thread-safe; time is linear in the text."""

    def __init__(self, lexicon: Lexicon) -> None:
        self._words = lexicon.words
        self._rules = lexicon.rules
        self._read_cached = lru_cache(_CACHED_WORDS)(self._read)

    def __call__(self, text: str) -> list[str]:
        """Phones, a space between words, and pauses. Spaces, hyphens and quotes leave no token of their own.

        Sentences are read each for itself: a text of two has the tokens of both, and a space between.
        """
        tokens: list[str] = []
        before = ""
        for piece in _PIECE.finditer(text):
            if piece.lastgroup == "sign":
                tokens.append(piece[0])
            for reading in self._readings(piece, before):
                tokens.extend([BOUNDARY] if tokens else [])
                tokens.extend(unpack(reading))
            if piece.lastgroup == "initials" and _ends_sentence(piece):
                tokens.append(".")
            before = before if piece.lastgroup == "gap" else piece[0]
        return tokens

    def read(self, word: str) -> str:
        """The reading of one word as it is written, in letters and apostrophes."""
        return "".join(self._read_cached(word[start : start + _LONGEST]) for start in range(0, len(word), _LONGEST))

    def _readings(self, piece: re.Match[str], before: str) -> list[str]:
        """The readings of the words that a piece of the text is, `before` it another; none for gaps and signs."""
        word = piece[0]
        if piece.lastgroup == "initials":
            return [self._spell(word.replace(".", "").lower())]
        if piece.lastgroup == "title":
            return [self.read(_TITLES[word[:-1].lower()])]
        if word in _ALSO_ACRONYMS and not (len(before) > 1 and before.isupper()):
            return [self._spell(word.lower())]
        return self._read_hyphenated(word) if piece.lastgroup == "word" else []

    def _read_hyphenated(self, word: str) -> list[str]:
        """The readings of a word's parts; a listed word and a prefix make one with what follows."""
        if "-" not in word:
            return [self.read(word)]
        if word.lower() in self._words:
            return [self._words[word.lower()]]
        first, *rest = word.split("-")
        readings = [self.read(part) for part in rest]
        if first.lower() in HYPHENATED_PREFIXES:
            return [HYPHENATED_PREFIXES[first.lower()] + readings[0], *readings[1:]]
        return [self.read(first), *readings]

    def _read(self, word: str) -> str:
        """The reading of a word of at most `_LONGEST` characters."""
        lower = word.lower()
        listed = self._listed(lower)
        if listed:
            return listed
        return self._read_acronym(word) or self._read_humps(word) or self._work_out(lower)

    def _listed(self, word: str) -> str | None:
        """The dictionary's reading, with the apostrophes at the edges or, taken for quotes, without."""
        shapes = (word, word.rstrip("'"), word.lstrip("'"), word.strip("'"))
        return next((self._words[shape] for shape in shapes if shape in self._words), None)

    def _read_acronym(self, word: str) -> str | None:
        match = _ACRONYM.fullmatch(word.strip("'"))
        if match is None or (len(match[1]) > _LONGEST_ACRONYM and _HAS_VOWEL.search(match[1].lower())):
            return None
        spelled = self._spell(match[1].lower())
        return plural(spelled) if match[2] else spelled

    def _read_humps(self, word: str) -> str | None:
        """`JavaScript` is two words."""
        humps = _HUMPS.findall(word)
        is_one_word = len(humps) < 2 or "'" in word
        return None if is_one_word else "".join(self._read_cached(hump) for hump in humps)

    def _work_out(self, word: str) -> str:
        derived = derive(word.lstrip("'"), self._words) or derive(word.strip("'"), self._words)
        if derived:
            return derived
        letters = word.replace("'", "")
        sounded = sound_out(letters, self._rules) if _HAS_VOWEL.search(letters) else ""
        return sounded or self._spell(letters)

    def _spell(self, letters: str) -> str:
        return "".join(_NAME_OF_A if letter == "a" else self._words[letter] for letter in letters)


def _ends_sentence(initials: re.Match[str]) -> bool:
    follows = _SENTENCE_FOLLOWS if initials[0].islower() else _TEXT_ENDS
    return follows.match(initials.string, initials.end()) is not None
