"""The sounds of English, how words are said, and how letters are: CMUdict and rules learned from it.

A *reading* is a word's phones packed into a string, one character a phone: small, quick to load, and joined by `+`.
"""

import re
import zlib
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

VOWELS: Final = ("AA", "AE", "AH", "AO", "AW", "AY", "EH", "ER", "EY", "IH", "IY", "OW", "OY", "UH", "UW")
CONSONANTS: Final = (
    "B", "CH", "D", "DH", "F", "G", "HH", "JH", "K", "L", "M", "N", "NG", "P", "R", "S", "SH", "T", "TH", "V", "W",
    "Y", "Z", "ZH",
)  # fmt: skip
#: ARPAbet as CMUdict writes it. A vowel ends in its stress: 0 none, 1 primary, 2 secondary.
STRESSED_VOWELS: Final = tuple(vowel + stress for vowel in VOWELS for stress in "012")
PHONES: Final = (*STRESSED_VOWELS, *CONSONANTS)

_ASSETS: Final = Path(__file__).parents[1] / "assets" / "cmudict"
WORDS_NAME: Final = "words.zlib"
RULES_NAME: Final = "rules.zlib"

_FIRST_CODE: Final = ord("0")
_CODES: Final = {phone: chr(_FIRST_CODE + index) for index, phone in enumerate(PHONES)}


@dataclass(frozen=True)
class Lexicon:
    """Readings of words (lower case, with their apostrophes and hyphens), and of letters by their surroundings.

    A rule's key is a letter with its nearest neighbors, the next one first: `c`, `ch`, `ach`, `achi` and so on.
    """

    words: Mapping[str, str]
    rules: Mapping[str, str]


@cache
def load_lexicon() -> Lexicon:
    """The lexicon that comes with us. Loaded on first use: it takes some 50 ms and 8 MB."""
    return Lexicon(words=PackedReadings(_text(_ASSETS / WORDS_NAME)), rules=load(_ASSETS / RULES_NAME))


def pack(phones: str | Iterable[str]) -> str:
    """A reading of phones, or of a string of them between spaces."""
    return "".join(_CODES[phone] for phone in (phones.split() if isinstance(phones, str) else phones))


def unpack(reading: str) -> list[str]:
    """The phones of a reading."""
    return [PHONES[ord(code) - _FIRST_CODE] for code in reading]


def save(path: Path, readings: Mapping[str, str]) -> None:
    """Write readings small and quick to load: all keys, an empty line, all readings."""
    keys = sorted(readings)
    text = "\n".join(keys) + "\n\n" + "\n".join(readings[key] for key in keys)
    path.write_bytes(zlib.compress(text.encode("ascii"), 9))


def load(path: Path) -> dict[str, str]:
    """Read what `save` wrote."""
    keys, _, readings = _text(path).partition("\n\n")
    return dict(zip(keys.split("\n"), readings.split("\n"), strict=True))


def _text(path: Path) -> str:
    return zlib.decompress(path.read_bytes()).decode("ascii")


class PackedReadings(Mapping[str, str]):
    """What `save` wrote, in order, as it lies in the file: a tenth of a dict's memory, for some microseconds a word."""

    def __init__(self, text: str) -> None:
        self._keys, _, self._readings = text.partition("\n\n")
        self._key_ends, self._reading_ends = _line_ends(self._keys), _line_ends(self._readings)

    def __getitem__(self, word: str) -> str:
        place = bisect_left(range(len(self)), word, key=self._key)
        if place == len(self) or self._key(place) != word:
            raise KeyError(word)
        return _line(self._readings, self._reading_ends, place)

    def __iter__(self) -> Iterator[str]:
        return map(self._key, range(len(self)))

    def __len__(self) -> int:
        return len(self._key_ends)

    def _key(self, place: int) -> str:
        return _line(self._keys, self._key_ends, place)


def _line_ends(text: str) -> "array[int]":
    return array("I", [*(match.start() for match in re.finditer("\n", text)), len(text)])


def _line(text: str, ends: "array[int]", place: int) -> str:
    return text[ends[place - 1] + 1 if place else 0 : ends[place]]
