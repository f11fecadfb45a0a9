"""How a word nobody has listed is said: each letter by the widest surroundings that a rule knows."""

from collections.abc import Iterator, Mapping
from typing import Final

from f5_tts_core.text.lexicon import VOWELS, pack

#: Letters of a rule's key: the letter, four before it, four after it.
WIDEST: Final = 9
_EDGE: Final = "_" * (WIDEST // 2)

_STRESSED: Final = {pack(vowel + stress): pack(vowel + "1") for vowel in VOWELS for stress in "012"}
_SECONDARY: Final = {pack(vowel + "1"): pack(vowel + "2") for vowel in VOWELS}
#: The rules say `ER` as `AH R`: a sound for each of its letters, so that neighbors cannot disagree whose it is.
_R_COLORED: Final = {pack(f"AH{stress} R"): pack(f"ER{stress}") for stress in "012"}
_REDUCED: Final = frozenset(pack("AH0 ER0 IH0"))


def surroundings(word: str) -> Iterator[list[str]]:
    """For each letter its keys, the narrowest first."""
    padded = _EDGE + word + _EDGE
    for at in range(len(_EDGE), len(_EDGE) + len(word)):
        yield [padded[at - (width - 1) // 2 : at + width // 2 + 1] for width in range(1, WIDEST + 1)]


def sound_out(word: str, rules: Mapping[str, str]) -> str:
    """The reading of a word in lower case, its stress put right. Time is linear in the word."""
    reading = "".join(_sound(keys, rules) for keys in surroundings(word))
    for parts, whole in _R_COLORED.items():
        reading = reading.replace(parts, whole)
    return _with_one_stress(reading)


def in_parts(reading: str) -> str:
    """The reading as rules are to say it."""
    for parts, whole in _R_COLORED.items():
        reading = reading.replace(whole, parts)
    return reading


def _sound(keys: list[str], rules: Mapping[str, str]) -> str:
    return next((rules[key] for key in reversed(keys) if key in rules), "")


def _with_one_stress(reading: str) -> str:
    """Letters were read one by one, so there may be no stressed vowel, or several: the first stays primary."""
    vowels = [at for at, phone in enumerate(reading) if phone in _STRESSED]
    if not vowels:
        return reading
    primary = next((at for at in vowels if reading[at] in _SECONDARY), None)
    if primary is None:
        primary = next((at for at in vowels if reading[at] not in _REDUCED), vowels[0])
    return reading[:primary] + _STRESSED[reading[primary]] + without_stress(reading[primary + 1 :])


def without_stress(reading: str) -> str:
    """The reading with its primary stresses made secondary."""
    return "".join(_SECONDARY.get(phone, phone) for phone in reading)
