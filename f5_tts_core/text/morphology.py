"""How a word is said that a listed one is part of: its endings, its beginnings, and words grown together."""

from collections.abc import Iterator, Mapping
from typing import Final

from f5_tts_core.text.letter_to_sound import without_stress
from f5_tts_core.text.lexicon import pack

#: Of each half of a compound: shorter ones are found in too many names.
_SHORTEST_HALF: Final = 4
_SHORTEST_STEM: Final = 3
#: How many endings and beginnings a word may have.
_MAX_DEPTH: Final = 3

_VOICELESS: Final = frozenset(pack("P T K F TH S SH CH"))
_HISSING: Final = frozenset(pack("S Z SH ZH CH JH"))
_STOPPED: Final = frozenset(pack("T D"))
_S, _Z, _IZ = pack("S"), pack("Z"), pack("IH0 Z")
_T, _D, _ID = pack("T"), pack("D"), pack("IH0 D")


def _packed(readings: Mapping[str, str]) -> dict[str, str]:
    return {part: pack(phones) for part, phones in readings.items()}


#: Endings that sound the same after every stem, in the order they are tried. Others (`-ize`, `-ism`, `-y`) are better
#: left to the rules, which see how the ending moves the stress; so are beginnings such as `out-`. Words held out of the
#: dictionary told which.
_ENDINGS: Final = _packed(
    {
        "n't": "AH0 N T", "'ll": "AH0 L", "'ve": "AH0 V", "'re": "ER0", "'m": "M", "in'": "IH0 N",
        "ing": "IH0 NG", "er": "ER0", "est": "AH0 S T", "ly": "L IY0", "ally": "L IY0", "ness": "N AH0 S",
        "less": "L AH0 S", "ful": "F AH0 L", "ment": "M AH0 N T", "able": "AH0 B AH0 L", "ably": "AH0 B L IY0",
        "ish": "IH0 SH", "like": "L AY2 K", "wise": "W AY2 Z", "ship": "SH IH2 P", "hood": "HH UH2 D",
        "dom": "D AH0 M", "some": "S AH0 M", "man": "M AH0 N",
    }
)  # fmt: skip

_PREFIXES: Final = _packed(
    {
        "un": "AH0 N", "non": "N AA0 N", "pre": "P R IY0", "mis": "M IH0 S", "dis": "D IH0 S", "sub": "S AH2 B",
        "inter": "IH2 N T ER0", "anti": "AE2 N T IY0", "super": "S UW2 P ER0", "semi": "S EH2 M IY0",
        "multi": "M AH2 L T IY0", "micro": "M AY2 K R OW0", "hyper": "HH AY2 P ER0", "counter": "K AW2 N T ER0",
        "ultra": "AH2 L T R AH0", "pseudo": "S UW2 D OW0", "meta": "M EH2 T AH0", "bio": "B AY2 OW0",
        "geo": "JH IY2 OW0", "neo": "N IY2 OW0", "cyber": "S AY2 B ER0", "tele": "T EH2 L AH0",
    }
)  # fmt: skip
#: Those that a hyphen shows to be no part of the stem.
HYPHENATED_PREFIXES: Final = {**_PREFIXES, "re": pack("R IY0"), "de": pack("D IY0"), "co": pack("K OW0")}


def derive(word: str, words: Mapping[str, str], depth: int = 0) -> str | None:
    """The reading of a word in lower case by the words it is made of, or None. Meant for words of ordinary length."""
    if word in words:
        return words[word]
    if depth == _MAX_DEPTH:
        return None
    return _inflected(word, words, depth) or _prefixed(word, words, depth) or _compound(word, words)


def _inflected(word: str, words: Mapping[str, str], depth: int) -> str | None:
    if word.endswith("s'"):
        return derive(word[:-1], words, depth + 1)
    if word.endswith("'d"):
        stem = derive(word[:-2], words, depth + 1)
        return stem and past(stem)
    if word.endswith("s") and not word.endswith("ss"):
        stem = _first(_stems_of_plural(word), words, depth)
        return stem and plural(stem)
    if word.endswith("ed"):
        stem = _first(_stems(word[:-2], "ed"), words, depth)
        return stem and past(stem)
    return _with_ending(word, words, depth)


def _with_ending(word: str, words: Mapping[str, str], depth: int) -> str | None:
    for ending, sound in _ENDINGS.items():
        if word.endswith(ending):
            stem = _first(_stems(word[: -len(ending)], ending), words, depth)
            if stem:
                # Of two like sounds at the seam one is said: "formally".
                return stem.removesuffix(sound[0]) + sound
    return None


def plural(stem: str) -> str:
    """The reading of a plural, a possessive or a third person."""
    return stem + (_IZ if stem[-1] in _HISSING else _S if stem[-1] in _VOICELESS else _Z)


def past(stem: str) -> str:
    """The reading of a past tense."""
    return stem + (_ID if stem[-1] in _STOPPED else _T if stem[-1] in _VOICELESS else _D)


def _stems_of_plural(word: str) -> Iterator[str]:
    if word.endswith("'s"):
        yield word[:-2]
        return
    yield word[:-1]
    if word.endswith("ies"):
        yield word[:-3] + "y"
    elif word.endswith("es"):
        yield word[:-2]


def _stems(stem: str, ending: str) -> Iterator[str]:
    """The words that `stem` may be of before an ending: as it is, and before a vowel with what the ending changed."""
    if stem.endswith("i"):
        yield stem[:-1] + "y"
    if ending[0] not in "aeiouy":
        yield stem
        return
    if stem[-1:] == stem[-2:-1]:
        yield stem[:-1]
    # "rated" is of "rate", not of "rat", which would double its consonant; "visited" is of "visit".
    yield stem + "e"
    yield stem


def _first(stems: Iterator[str], words: Mapping[str, str], depth: int) -> str | None:
    readings = (derive(stem, words, depth + 1) for stem in stems if len(stem) >= _SHORTEST_STEM)
    return next((reading for reading in readings if reading), None)


def _prefixed(word: str, words: Mapping[str, str], depth: int) -> str | None:
    for prefix, sound in _PREFIXES.items():
        if word.startswith(prefix) and len(word) - len(prefix) > _SHORTEST_STEM:
            rest = derive(word[len(prefix) :], words, depth + 1)
            if rest:
                return sound + rest
    return None


def _compound(word: str, words: Mapping[str, str]) -> str | None:
    """Two listed words, of the most even lengths; the first has the stress."""
    middle = len(word) // 2
    cuts = sorted(range(_SHORTEST_HALF, len(word) - _SHORTEST_HALF + 1), key=lambda cut: abs(cut - middle))
    for cut in cuts:
        if word[:cut] in words and word[cut:] in words:
            return words[word[:cut]] + without_stress(words[word[cut:]])
    return None
