"""How long a text takes to say, by the sounds in it rather than by its bytes.

The unit of weight is about one short sound; unhurried speech has 10 to 15 of them a second in every script.
"""

import re
import unicodedata
from typing import Final

from f5_tts_core import limits

#: Units a second that a reference's own rate is held to: slower or faster is a bad transcript, not a voice.
MIN_RATE: Final = 6.0
MAX_RATE: Final = 26.0
#: Units that the edges of an utterance cost: its onset, and the drawn-out last syllable. Keeps short texts unhurried.
EDGE_WEIGHT: Final = 3.0
MIN_SECONDS: Final = 0.5

_VOWEL: Final = 1.5
_CONSONANT: Final = 0.85
_DIGIT: Final = 4.2
_SPELLED_LETTER: Final = 2.8
_VIETNAMESE_SYLLABLE: Final = 2.9
_OTHER_LETTER: Final = 1.4
#: Blocks of Unicode, both ends included, and what one of their letters weighs.
_BLOCKS: Final = (
    (0x3040, 0x30FF, 1.7),  # kana
    (0xAC00, 0xD7AF, 2.3),  # Hangul
    (0x3400, 0x9FFF, 3.0),  # Han
    (0x20000, 0x3FFFF, 3.0),  # Han, the rarer ones
    (0x0400, 0x04FF, _CONSONANT),  # Cyrillic but its vowels
    (0x0370, 0x03FF, 0.95),  # Greek
    (0x0900, 0x0DFF, 2.0),  # Indic: a consonant with the vowel it carries
)

_PAUSES: Final = {
    **dict.fromkeys(".!?。！？…", 3.5),
    **dict.fromkeys(",;:，；：、—–()[]", 2.0),
}
_SMALL_KANA: Final = frozenset("ゃゅょァィゥェォャュョぁぃぅぇぉ")
_CYRILLIC_VOWELS: Final = frozenset("аеёиоуыэюяіїєАЕЁИОУЫЭЮЯІЇЄ")
_SILENT: Final = frozenset("ьъЬЪ'’-")

_TOKEN: Final = re.compile(r"[A-Za-zÀ-ÖØ-öø-ʯḀ-ỿ]+|[0-9]|[^\sA-Za-zÀ-ÖØ-öø-ʯḀ-ỿ0-9]")
_VIETNAMESE: Final = re.compile(r"[ăđơưĂĐƠƯẠ-ỹ]")
_VOWEL_GROUPS: Final = re.compile(r"[aeiouy]+")
#: Two letters for one sound.
_DIGRAPHS: Final = re.compile(r"th|sh|ch|ph|ck|ng|wh|gh|qu|([bcdfghjklmnpqrstvwxz])\1")


def speech_weight(text: str) -> float:
    """Units of speech in a text; a pause at its very end weighs nothing."""
    is_vietnamese = _VIETNAMESE.search(text) is not None
    tokens = _TOKEN.findall(text)
    while tokens and tokens[-1] in _PAUSES:
        tokens.pop()
    return sum(_token_weight(token, is_vietnamese) for token in tokens)


def estimate_seconds(text: str, *, reference_seconds: float, reference_text: str, speed: float) -> float:
    """Seconds that the voice of the reference takes for `text`, at `speed` times its own rate."""
    rate = (speech_weight(reference_text) + EDGE_WEIGHT) / max(reference_seconds, limits.MIN_REFERENCE_SECONDS)
    rate = min(max(rate, MIN_RATE), MAX_RATE)
    return max((speech_weight(text) + EDGE_WEIGHT) / rate, MIN_SECONDS) / speed


def _token_weight(token: str, is_vietnamese: bool) -> float:
    if token in _PAUSES:
        return _PAUSES[token]
    if token.isdigit():
        return _DIGIT
    if len(token) > 1 or "LATIN" in unicodedata.name(token, ""):
        return _VIETNAMESE_SYLLABLE if is_vietnamese else _latin_weight(token)
    return _character_weight(token)


def _latin_weight(word: str) -> float:
    plain = unicodedata.normalize("NFD", word.lower())
    plain = "".join(letter for letter in plain if not unicodedata.combining(letter))
    vowels = _VOWEL_GROUPS.findall(plain)
    if len(word) > 1 and not vowels:
        return _SPELLED_LETTER * len(word)
    syllables = len(vowels) - (len(vowels) > 1 and _has_silent_e(plain))
    consonants = len(_DIGRAPHS.sub("t", plain)) - sum(map(len, vowels))
    return _VOWEL * max(1, syllables) + _CONSONANT * max(0, consonants)


def _has_silent_e(word: str) -> bool:
    if word.endswith("ed"):
        return word[-3] not in "td"
    return word.endswith("e") and not word.endswith("le") and word[-2] not in "aeiouy"


def _character_weight(character: str) -> float:
    if character in _SILENT or character in _SMALL_KANA or unicodedata.combining(character):
        return 0.0
    if not character.isalpha():
        return _DIGIT if character.isnumeric() else 0.0
    return _letter_weight(character)


def _letter_weight(character: str) -> float:
    if character in _CYRILLIC_VOWELS:
        return _VOWEL
    code = ord(character)
    return next((weight for first, last, weight in _BLOCKS if first <= code <= last), _OTHER_LETTER)
