"""What to write in place of a character that a vocabulary lacks. Tried in order; English words for symbols."""

from typing import Final

_SINGLE_QUOTES: Final = "‘’‚‛`´ʼʹ′＇"
_DOUBLE_QUOTES: Final = "“”„‟«»″＂「」『』《》〈〉"
_HYPHENS: Final = "-‐‑−﹣－"
_DASHES: Final = "‒–—―"
_BRACKETS: Final = "()[]{}<>【】〔〕（）"

_WORDS: Final = {
    "&": "and", "@": "at", "+": "plus", "=": "equals", "%": "percent", "#": "number", "$": "dollars", "€": "euros",
    "£": "pounds", "¥": "yen", "₹": "rupees", "°": "degrees", "×": "times", "÷": "divided by", "±": "plus or minus",
    "≈": "about", "~": "about", "½": "one half", "¼": "one quarter", "¾": "three quarters", "©": "copyright",
    "0": "zero", "1": "one", "2": "two", "3": "three", "4": "four", "5": "five", "6": "six", "7": "seven",
    "8": "eight", "9": "nine",
}  # fmt: skip

_LETTERS: Final = {
    "ß": "ss", "ẞ": "SS", "æ": "ae", "Æ": "Ae", "œ": "oe", "Œ": "Oe", "ø": "o", "Ø": "O", "ł": "l", "Ł": "L",
    "đ": "d", "Đ": "D", "ð": "th", "Ð": "Th", "þ": "th", "Þ": "Th", "ı": "i", "ħ": "h", "Ħ": "H", "ŋ": "ng",
}  # fmt: skip

_PUNCTUATION: Final = {
    ";": (",", " "), ":": (",", " "), "/": (" ",), "\\": (" ",), "_": (" ",), "*": ("",), "|": (",", " "), "^": ("",),
    "…": ("...", ".", " "), "·": (" ",), "•": (",", " "), "、": (",", " "), "，": (",", " "), "。": (".", " "),
    "！": ("!", "."), "？": ("?", "."), "；": ("，", ",", " "), "：": ("，", ",", " "), "¿": ("",), "¡": ("",),
    "!": (".", " "), "?": (".", " "), ".": (" ",), ",": (" ",), "'": ("’", ""), '"': ("",),
}  # fmt: skip

SUBSTITUTES: Final[dict[str, tuple[str, ...]]] = {
    **{symbol: (f" {word} ",) for symbol, word in _WORDS.items()},
    **{letter: (plain,) for letter, plain in _LETTERS.items()},
    **dict.fromkeys(_SINGLE_QUOTES, ("'", "")),
    **dict.fromkeys(_DOUBLE_QUOTES, ('"', "")),
    **dict.fromkeys(_HYPHENS, ("-", " ")),
    **dict.fromkeys(_DASHES, (", ", "-", " ")),
    **dict.fromkeys(_BRACKETS, (", ", " ")),
    **_PUNCTUATION,
}
