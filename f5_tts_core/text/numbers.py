"""Numbers in English words, for vocabularies without digits. Time is linear in the text."""

import re
import unicodedata
from functools import lru_cache
from typing import Final

from num2words import num2words

_CURRENCIES: Final = {"$": ("dollar", "cent"), "€": ("euro", "cent"), "£": ("pound", "penny")}
#: More digits than this are read one by one; so are numbers with a leading zero.
_MAX_DIGITS: Final = 15

_CLOCK: Final = re.compile(r"(?<![\d:.])([01]?[0-9]|2[0-4]):([0-5][0-9])(?![\d:.])")
_MONEY: Final = re.compile(r"([$€£]) ?([0-9]{1,3}(?:,[0-9]{3})+|[0-9]{1,15})(?:\.([0-9]{2}))?(?![\d])")
_NUMBER: Final = re.compile(r"((?<![\w.])[-−])?([0-9]{1,3}(?:,[0-9]{3})+(?![0-9])|[0-9]+)((?:\.[0-9]+)*)")
_ORDINAL: Final = re.compile(r"(?<![\w.,])([0-9]{1,9})(?:st|nd|rd|th)\b", re.IGNORECASE)
_DECADE: Final = re.compile(r"(?<![\w.,])([0-9]{3}0)s\b")


def spell_numbers(text: str) -> str:
    """Every digit of any script replaced by words: amounts, times, ordinals, decades, years, decimals."""
    text = "".join(_ascii_digit(character) for character in text)
    text = _MONEY.sub(_money, text)
    text = _CLOCK.sub(_clock, text)
    text = _ORDINAL.sub(lambda match: f" {_words(int(match[1]), 'ordinal')} ", text)
    text = _DECADE.sub(lambda match: f" {_plural(_whole(match[1]))} ", text)
    return _NUMBER.sub(_number, text)


def _ascii_digit(character: str) -> str:
    return character if character.isascii() else str(unicodedata.decimal(character, character))


def _money(match: re.Match[str]) -> str:
    unit, part = _CURRENCIES[match[1]]
    amount, cents = int(match[2].replace(",", "")), int(match[3] or 0)
    spoken = f"{_words(amount)} {unit}{'' if amount == 1 else 's'}"
    if cents:
        parts = "pence" if part == "penny" else f"{part}s"
        spoken += f" and {_words(cents)} {part if cents == 1 else parts}"
    return f" {spoken} "


def _clock(match: re.Match[str]) -> str:
    hour, minute = _words(int(match[1])), int(match[2])
    if minute == 0:
        return f" {hour} o'clock "
    return f" {hour} {'oh ' if minute < 10 else ''}{_words(minute)} "


def _number(match: re.Match[str]) -> str:
    minus, whole, fractions = match[1], match[2], match[3].split(".")[1:]
    spoken = _whole(whole) if not fractions else _whole(whole, may_be_year=False)
    tail = "".join(f" point {_digits(fraction)}" for fraction in fractions)
    return f" {'minus ' if minus else ''}{spoken}{tail} "


def _whole(digits: str, *, may_be_year: bool = True) -> str:
    plain = digits.replace(",", "")
    if len(plain) > _MAX_DIGITS or (len(plain) > 1 and plain[0] == "0"):
        return _digits(plain)
    value = int(plain)
    is_year = may_be_year and len(digits) == 4 and (1100 <= value < 2000 or 2010 <= value < 2100)
    return _words(value, "year" if is_year else "cardinal")


def _digits(digits: str) -> str:
    return " ".join(_words(int(digit)) for digit in digits)


@lru_cache(maxsize=4096)
def _words(value: int, kind: str = "cardinal") -> str:
    spoken: str = num2words(value, to=kind)
    return spoken.replace("-", " ").replace(",", "")


def _plural(words: str) -> str:
    return words[:-1] + "ies" if words.endswith("y") else words + "s"
