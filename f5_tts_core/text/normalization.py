"""Bring a text to what a vocabulary can write, and say what it cannot.

Only changes that a reader would not hear, or would make too (`&` read as "and"), are made, and only where the
vocabulary needs them. Time is linear in the text, whatever the text is.
"""

import re
import string
import unicodedata
from collections import Counter
from collections.abc import Iterator
from typing import Final

from f5_tts_core import errors
from f5_tts_core.text.front_end import FrontEnd, front_end
from f5_tts_core.text.numbers import spell_numbers
from f5_tts_core.text.symbols import SUBSTITUTES
from f5_tts_core.text.vocabulary import Vocabulary

_MAX_REPORTED: Final = 10
#: A vocabulary with fewer letters of a script than this cannot be said to know it.
_LETTERS_OF_A_SCRIPT: Final = 20
#: How often a substitute may itself be substituted.
_MAX_DEPTH: Final = 3
_KEYBOARD: Final = string.ascii_letters + string.digits + string.punctuation
_SPACES: Final = re.compile(r"\s+")
_SPACE_BEFORE_PAUSE: Final = re.compile(r" (?=[,.!?])")
_REPEATED_PAUSE: Final = re.compile(r",(?:,)+|,(?=[.!?])|(?<=[.!?]),")


def normalize(text: str, vocabulary: Vocabulary | None, front_end_name: str | None) -> str:
    """The text as the model will read it. Without a vocabulary only spaces and control characters change.

    Raises `EmptyText` for a text with nothing to say, `UnsupportedCharacters` for what cannot be written.
    """
    text = _without_odd_spaces(unicodedata.normalize("NFC", text))
    if vocabulary is not None:
        text = _Speller(vocabulary, front_end(front_end_name or "characters")).spell(text)
    if not any(character.isalnum() for character in text):
        raise errors.EmptyText("The text holds nothing to say; at least one letter or digit is needed.")
    return text


def _without_odd_spaces(text: str) -> str:
    """Single plain spaces, no control or invisible characters; an empty line ends the sentence before it."""
    # Space-like control characters (tab, line feed) are told apart from the rest by isspace().
    shown = "".join(character for character in text if character.isspace() or not _is_control(character))
    return _SPACES.sub(_space, shown).strip()


def _is_control(character: str) -> bool:
    return unicodedata.category(character) in ("Cc", "Cf") and character not in "\u200c\u200d"


def _space(match: re.Match[str]) -> str:
    before = match.string[match.start() - 1 : match.start()]
    is_open_line_end = match[0].count("\n") > 1 and before.isalnum() and match.end() < len(match.string)
    return ". " if is_open_line_end else " "


class _Speller:
    """Writes a text with one vocabulary's tokens."""

    def __init__(self, vocabulary: Vocabulary, tokenize: FrontEnd) -> None:
        self._vocabulary = vocabulary
        self._tokenize = tokenize
        self._written: dict[str, str | None] = {}

    def spell(self, text: str) -> str:
        spelled = spell_numbers(text) if self._lacks_digits() else text
        spelled = "".join(self._write(character) or "" for character in spelled)
        unwritten = [character for character, written in self._written.items() if written is None]
        if unwritten:
            raise _unsupported(unwritten, self._readable())
        spelled = spelled if spelled == text else _tidy(spelled)
        unread = self._vocabulary.unknown(self._tokenize(spelled))
        if unread:
            raise _unsupported(unread, self._readable())
        return spelled

    def _readable(self) -> list[str]:
        """Characters that need no substitute: the vocabulary's, and those that the front end makes known tokens of."""
        own = [token for token in self._vocabulary.tokens if len(token) == 1 and token.isprintable()]
        return [character for character in sorted({*own, *_KEYBOARD}) if self._is_known(character)]

    def _lacks_digits(self) -> bool:
        return not all(digit in self._vocabulary for digit in "0123456789")

    def _write(self, character: str, depth: int = 0) -> str | None:
        """What to write for a character: itself where the model knows it, None where nothing will do."""
        if character in self._written:
            return self._written[character]
        written = character if self._is_known(character) else self._substitute(character, depth)
        if depth == 0 or written is not None:
            self._written[character] = written
        return written

    def _is_known(self, character: str) -> bool:
        return not self._vocabulary.unknown(self._tokenize(character))

    def _substitute(self, character: str, depth: int) -> str | None:
        if depth >= _MAX_DEPTH:
            return None
        for candidate in _candidates(character):
            pieces = [self._write(part, depth + 1) for part in candidate]
            if None not in pieces:
                return "".join(piece or "" for piece in pieces)
        return None


def _candidates(character: str) -> Iterator[str]:
    """Ways to write a character without it, the most faithful first."""
    yield from SUBSTITUTES.get(character, ())
    if unicodedata.decimal(character, None) is not None:
        yield str(unicodedata.decimal(character))
    for other in (unicodedata.normalize("NFKC", character), character.lower(), character.upper(), _base(character)):
        if other not in (character, ""):
            yield other
    if _is_droppable(character):
        yield ""


def _base(character: str) -> str:
    """The letter without its accents."""
    decomposed = unicodedata.normalize("NFD", character)
    return "".join(part for part in decomposed if not unicodedata.combining(part))


def _is_droppable(character: str) -> bool:
    """Loose accents, variation selectors, joiners."""
    return "\u0300" <= character <= "\u036f" or "\ufe00" <= character <= "\ufe0f" or character in "\u200c\u200d"


def _tidy(text: str) -> str:
    """Repair what substitutes leave behind: doubled spaces, spaces before pauses, doubled pauses."""
    text = _SPACE_BEFORE_PAUSE.sub("", _SPACES.sub(" ", text))
    return _REPEATED_PAUSE.sub(lambda match: "," if match[0][1:] else "", text).lstrip(" ,.").rstrip(" ,")


def _unsupported(unknown: list[str], readable: list[str]) -> errors.UnsupportedCharacters:
    shown = ", ".join(_shown(token) for token in unknown[:_MAX_REPORTED])
    more = len(unknown) - _MAX_REPORTED
    return errors.UnsupportedCharacters(
        f"The model has no way to read {shown}{f' and {more} more' if more > 0 else ''}. "
        f"Accepted are {_accepted(readable)}."
    )


def _shown(token: str) -> str:
    if len(token) != 1:
        return repr(token)
    character = token if token.isprintable() else "\ufffd"
    return f"{character} (U+{ord(token):04X})"


def _accepted(characters: list[str]) -> str:
    if len(characters) <= 100:
        return "".join(characters).strip() + ", the space, and what can be read as these"
    letters = Counter(unicodedata.name(letter, "?").split()[0] for letter in characters if letter.isalpha())
    scripts = [script for script, count in letters.most_common(8) if count >= _LETTERS_OF_A_SCRIPT]
    return f"{len(characters)} characters of the scripts {', '.join(scripts).title()}"
