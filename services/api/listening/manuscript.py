"""Text that is still being written, and is spoken meanwhile."""

from dataclasses import dataclass, field
from typing import Final

from f5_tts_core.text.chunks import first_sentences

#: Characters that one job speaks: about half a minute.
LONGEST: Final = 500


@dataclass(frozen=True)
class Utterance:
    """What is spoken in one go: the text's characters from `start` to before `end`."""

    text: str = field(repr=False)
    start: int
    end: int


class Manuscript:
    """Gives out sentences once they are whole: of those that wait, as many at once as `longest` characters hold."""

    def __init__(self, longest: int = LONGEST) -> None:
        self._longest = longest
        #: What was not given out yet; where it begins; and up to where it is to be spoken as it stands.
        self._rest = ""
        self._start = 0
        self._flushed = 0
        #: Whether nothing more will come.
        self.is_complete = False

    @property
    def characters(self) -> int:
        """Of all the text that has come."""
        return self._start + len(self._rest)

    @property
    def is_over(self) -> bool:
        """Whether all of it was given out."""
        return self.is_complete and not self._rest

    @property
    def waits_for_more(self) -> bool:
        """Whether words wait: once the others were given out, those of a sentence that is not whole."""
        return _has_words(self._rest)

    def add(self, text: str) -> None:
        self._rest += text

    def flush(self) -> None:
        """What has come is not to wait for the end of its sentence."""
        self._flushed = self.characters

    def complete(self) -> None:
        """That was all."""
        self.flush()
        self.is_complete = True

    def next(self) -> Utterance | None:
        """What to speak next; None where nothing is ready. What has neither letter nor digit is left out."""
        while piece := self._piece():
            utterance = self._give_out(piece)
            if _has_words(utterance.text):
                return utterance
        return None

    def _piece(self) -> str:
        flushed = self._rest[: max(0, self._flushed - self._start)]
        # However much waits, a few times what is given out shows where to cut.
        window = (flushed or self._rest)[: 4 * self._longest]
        return first_sentences(window, self._fits, may_go_on=window != flushed)

    def _give_out(self, piece: str) -> Utterance:
        start = self._start + len(piece) - len(piece.lstrip())
        self._start += len(piece)
        self._rest = self._rest[len(piece) :]
        text = piece.strip()
        return Utterance(text, start, start + len(text))

    def _fits(self, text: str) -> bool:
        return len(text) <= self._longest


def _has_words(text: str) -> bool:
    return any(character.isalnum() for character in text)
