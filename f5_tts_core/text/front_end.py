"""From text to tokens. `pinyin` is F5-TTS's own front end; `characters` are one a token; `phonemes-en` are sounds."""

from collections.abc import Callable, Iterator
from functools import cache
from typing import Final

from f5_tts_core import errors
from f5_tts_core.text.phonemes import phoneme_front_end

FrontEnd = Callable[[str], list[str]]

_SENTENCE_ENDS: Final = tuple(".!?。！？…")
#: What F5-TTS replaces before it looks anything up.
_REPLACED: Final = str.maketrans({";": ",", "“": '"', "”": '"', "‘": "'", "’": "'"})


def front_end(name: str) -> FrontEnd:
    """The front end of a manifest's name. Raises `ModelError` for an unknown one, or where its packages are missing."""
    if name == "characters":
        return list
    if name == "lowercase-characters":
        return _lowercase_characters
    if name == "pinyin":
        return _Pinyin()
    if name == "phonemes-en":
        return phoneme_front_end()
    known = "pinyin, characters, lowercase-characters, phonemes-en"
    raise errors.ModelError(f"No text front end is called {name!r}; known: {known}.")


def join_reference(reference_text: str, text: str, tokenize: FrontEnd) -> list[str]:
    """Tokens of the transcript and the text to speak after it, the way F5-TTS was taught to continue.

    The transcript ends in sentence punctuation, and in a space unless that punctuation is full-width.
    """
    reference_text = reference_text.rstrip()
    if not reference_text.endswith(_SENTENCE_ENDS):
        reference_text = reference_text.rstrip(",;:") + "."
    separator = " " if reference_text[-1].isascii() else ""
    return tokenize(reference_text + separator + text.lstrip())


def _lowercase_characters(text: str) -> list[str]:
    return list(text.lower())


class _Pinyin:
    """Chinese as toned syllables, each after a space; everything else as characters. Token for token F5-TTS's."""

    def __init__(self) -> None:
        self._segment, self._syllables = _pinyin_tools()

    def __call__(self, text: str) -> list[str]:
        tokens: list[str] = []
        for segment in self._segment(text.translate(_REPLACED)):
            if segment.isascii():
                if tokens and len(segment) > 1 and tokens[-1] not in " :'\"":
                    tokens.append(" ")
                tokens.extend(segment)
            else:
                tokens.extend(self._beyond_ascii(segment))
        return tokens

    def _beyond_ascii(self, segment: str) -> Iterator[str]:
        # A segment of three-byte characters alone is read as a whole: a character's tone depends on its neighbours.
        is_whole = len(segment.encode()) == 3 * len(segment)
        syllables = self._syllables(segment) if is_whole else None
        for index, character in enumerate(segment):
            if _is_chinese(character):
                yield " "
            if syllables is not None:
                yield syllables[index]
            elif _is_chinese(character):
                yield from self._syllables(character)
            else:
                yield character


def _is_chinese(character: str) -> bool:
    return "\u3100" <= character <= "\u9fff"


@cache
def _pinyin_tools() -> tuple[Callable[[str], list[str]], Callable[[str], list[str]]]:
    """The word segmenter and the reader. Imported here: they take long to load and only this front end wants them."""
    try:
        import rjieba  # noqa: PLC0415
        from pypinyin import Style, lazy_pinyin  # noqa: PLC0415
    except ImportError as error:
        raise errors.ModelError(
            f"The pinyin front end needs the package {error.name}; install timbre[worker]."
        ) from error
    return rjieba.cut, lambda text: lazy_pinyin(text, style=Style.TONE3, tone_sandhi=True)
