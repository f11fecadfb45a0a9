"""The sentences that are spoken in measurements, and never in training. Their words are the recognizer's world."""

import re
from functools import cache
from pathlib import Path
from typing import Final

_FILE: Final = Path(__file__).with_name("sentences.txt")
_WORD: Final = re.compile(r"[a-z']+")


@cache
def load_sentences() -> tuple[str, ...]:
    """Plain English sentences of five to nine words, in the file's order."""
    return tuple(_FILE.read_text(encoding="utf-8").splitlines())


def words_of(sentence: str) -> list[str]:
    """The words as a recognizer writes them: lower case, without punctuation."""
    return _WORD.findall(sentence.lower())


@cache
def vocabulary() -> tuple[str, ...]:
    """Every word of every sentence, in alphabetical order."""
    return tuple(sorted({word for sentence in load_sentences() for word in words_of(sentence)}))
