"""Texts of several speakers: `[alice] Hello. [bob] Hi.` A bracket that is to be spoken is written `\\[` or `\\]`."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from f5_tts_core.errors import TextError
from services.shared.voice import MAX_NAME_CHARACTERS

#: Voices of one text.
MAX_SPEAKERS: Final = 16
#: What is spoken before the first mark.
NARRATOR: Final = ""

_TOKEN: Final = re.compile(rf"\\([\[\]\\])|\[([^\[\]\n]{{1,{MAX_NAME_CHARACTERS}}})\]|([\[\]])")


class MalformedMark(TextError):
    """A bracket that neither is part of a mark nor escaped."""

    type = "mark-malformed"
    title = "A mark in the text cannot be read"


@dataclass(frozen=True)
class Turn:
    """What one speaker says until the next begins."""

    #: As it stands between the brackets; `NARRATOR` before the first.
    mark: str
    text: str = field(repr=False)
    #: Of the mark in the text: 1 is the first character.
    position: int


def has_marks(text: str) -> bool:
    return any(match[2] for match in _TOKEN.finditer(text))


def read_turns(text: str) -> list[Turn]:
    """All in which something stands. Raises `MalformedMark`."""
    return [turn for turn in _turns(text) if turn.text]


def _turns(text: str) -> Iterator[Turn]:
    mark, position, said, end = NARRATOR, 1, "", 0
    for match in _TOKEN.finditer(text):
        said += text[end : match.start()] + (match[1] or "")
        end = match.end()
        if match[3]:
            raise MalformedMark(
                f"The bracket at character {match.start() + 1} belongs to no mark: a mark is a voice's name or id in "
                f"brackets, of up to {MAX_NAME_CHARACTERS} characters. To have a bracket spoken, write \\{match[3]}."
            )
        if match[2]:
            yield Turn(mark, said.strip(), position)
            mark, position, said = match[2].strip(), match.start() + 1, ""
    yield Turn(mark, (said + text[end:]).strip(), position)
