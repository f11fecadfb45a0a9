"""Cut a long text into chunks that fit: between sentences, else clauses, else words, else anywhere.

No character but spaces is lost. `fits` is asked about pieces near a chunk's size only, so time grows with the
text, not with its square.
"""

import re
import unicodedata
import zlib
from collections.abc import Callable, Iterator
from typing import Final

from f5_tts_core import errors

Fits = Callable[[str], bool]

_CLOSERS: Final = "\"'”’)\\]」』》】"
#: A break follows each match. Full-width punctuation needs no space after it.
#: (The lookbehinds and possessive repeats keep long runs of punctuation from being scanned again and again.)
_SENTENCE_END: Final = re.compile(rf"(?<![.!?…])[.!?…]++[{_CLOSERS}]*+\s+|[。！？]+[{_CLOSERS}]*\s*|\n+")
_CLAUSE_END: Final = re.compile(rf"(?<![,;:—–])[,;:—–]++[{_CLOSERS}]*+\s+|[，；：、]+[{_CLOSERS}]*\s*|\s(?=[(\[—–])")
_WORD_END: Final = re.compile(r"\s+|(?<=-)(?=\w)")
_ABBREVIATION: Final = re.compile(
    r"(?:^|[\s(\"'])(?:mr|mrs|ms|dr|prof|st|jr|sr|vs|no|vol|fig|gen|col|rev|hon|e\.g|i\.e|etc|approx|dept|est|[a-z])\.\s$",
    re.IGNORECASE,
)
#: Characters before a break that are searched for an abbreviation.
_LOOK_BACK: Final = 12
#: Characters that a passage has at least, and sentences that it goes on for beyond them, on average.
_PASSAGE_CHARACTERS: Final = 80
_PASSAGE_SENTENCES: Final = 3


def chunk_text(text: str, fits: Fits) -> list[str]:
    """The text's chunks in order, without spaces at their edges. Raises `TooLongText` if one character is too long."""
    chunks: list[str] = []
    current = ""
    for piece in _pieces(text, fits, level=0):
        if current and not fits((current + piece).strip()):
            chunks.append(current.strip())
            current = ""
        current += piece
    chunks.append(current.strip())
    return [chunk for chunk in chunks if chunk]


def lasting_chunks(text: str, fits: Fits) -> list[str]:
    """The chunks of a text that is edited and spoken again: those that an edit does not touch stay as they are.

    Each holds something to say. Raises `TooLongText` if one character is too long.
    """
    chunks = [chunk for passage in _passages(text) for chunk in chunk_text(passage, fits)]
    return [chunk for chunk in chunks if any(character.isalnum() for character in chunk)]


def _passages(text: str) -> Iterator[str]:
    """Sentences in groups that end where their last sentence's own words say so: a change moves no end far from it."""
    passage = ""
    for sentence in _sentences(text):
        passage += sentence
        chosen = zlib.crc32(sentence.strip().encode()) % _PASSAGE_SENTENCES == 0
        if chosen and len(passage) >= _PASSAGE_CHARACTERS:
            yield passage
            passage = ""
    yield passage


def split_opening(text: str, *, long_enough: Fits, short_enough: Fits) -> tuple[str, str]:
    """The text's first sentences that are long enough, or else its first clauses, and the rest of the text.

    Clauses are cut off only where the sentences are not short enough. All of a short text is its opening.
    """
    opening = _first(_sentences(text), long_enough)
    if not short_enough(opening.strip()):
        opening = min(opening, _first(_clauses(text), long_enough), key=len)
    return opening, text[len(opening) :]


def first_sentences(text: str, fits: Fits, *, may_go_on: bool) -> str:
    """As many of the text's first sentences as fit, of one that does not its first clauses or words.

    Where the text may go on, what it ends with is no whole sentence yet, and stays. Joined to the rest it is the text.
    """
    pieces = list(_pieces(text, fits, level=0))
    chunk = ""
    for piece in pieces[:-1] if may_go_on else pieces:
        if chunk and not fits((chunk + piece).strip()):
            break
        chunk += piece
    return chunk


def _first(pieces: Iterator[str], long_enough: Fits) -> str:
    opening = ""
    for piece in pieces:
        opening += piece
        if long_enough(opening.strip()):
            break
    return opening


def _pieces(text: str, fits: Fits, level: int) -> Iterator[str]:
    """Pieces that each fit, cut no finer than need be. Joined they are the text."""
    if level == len(_SPLITTERS):
        yield from _split_anywhere(text, fits)
        return
    for piece in _SPLITTERS[level](text):
        if not piece.strip() or fits(piece.strip()):
            yield piece
        else:
            yield from _pieces(piece, fits, level + 1)


def _split(text: str, ends: Iterator[int]) -> Iterator[str]:
    start = 0
    for end in ends:
        if start < end < len(text):
            yield text[start:end]
            start = end
    yield text[start:]


def _sentences(text: str) -> Iterator[str]:
    return _split(text, (match.end() for match in _SENTENCE_END.finditer(text) if _ends_sentence(text, match)))


def _ends_sentence(text: str, match: re.Match[str]) -> bool:
    if not match[0].startswith("."):
        return True
    if text[match.end() : match.end() + 1].islower():
        return False
    before = text[max(0, match.start() - _LOOK_BACK) : match.start() + 1]
    return _ABBREVIATION.search(before + " ") is None


def _clauses(text: str) -> Iterator[str]:
    return _split(text, (match.end() for match in _CLAUSE_END.finditer(text)))


def _words(text: str) -> Iterator[str]:
    return _split(text, (match.end() for match in _WORD_END.finditer(text)))


_SPLITTERS: Final = (_sentences, _clauses, _words)


def _split_anywhere(text: str, fits: Fits) -> Iterator[str]:
    start = 0
    while start < len(text):
        length = _longest_fit(text, start, fits)
        yield text[start : start + length]
        start += length


def _longest_fit(text: str, start: int, fits: Fits) -> int:
    """Characters from `start` that fit: doubled until too many, then narrowed down between the last two tries."""
    if not fits(text[start : start + 1]):
        raise errors.TooLongText(
            "Not even one character of the text fits beside the reference; send a shorter reference."
        )
    left = len(text) - start
    low, high = 1, 2
    while high <= left and fits(text[start : start + high]):
        low, high = high, high * 2
    high = min(high, left + 1)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fits(text[start : start + middle]) else (low, middle)
    return _whole_characters(text, start, low)


def _whole_characters(text: str, start: int, length: int) -> int:
    """Fewer by the accents that would otherwise be torn from their letter, unless nothing else is left."""
    shorter = length
    while shorter > 1 and start + shorter < len(text) and unicodedata.combining(text[start + shorter]):
        shorter -= 1
    return shorter if shorter > 1 or length == 1 else length
