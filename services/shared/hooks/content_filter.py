"""The text hook `content-filter`: refuses texts that hold a word or phrase of the operator's list."""

from pathlib import Path
from typing import Final

from services.shared.errors import TextRefused
from services.shared.hooks.hook import HookContext
from services.shared.hooks.word_list import WordList
from services.shared.settings import Settings, SettingsError

_COMMENT: Final = "#"


class ContentFilter:
    """Never says which word it was, neither to the client nor in a log."""

    def __init__(self, words: WordList) -> None:
        self._words = words

    def process(self, text: str, _context: HookContext) -> str:
        if self._words.occur_in(text):
            raise TextRefused("The text holds words that this service does not speak.")
        return text


def create(settings: Settings) -> ContentFilter:
    """Raises `SettingsError` where there is no list, or nothing in it."""
    path = settings.content_filter_path
    if path is None:
        raise SettingsError("CONTENT_FILTER_PATH: is not set; the hook `content-filter` needs a file, a word a line")
    words = WordList(_entries(path))
    if not words:
        raise SettingsError("CONTENT_FILTER_PATH: the file holds no words; expected a word or phrase a line")
    return ContentFilter(words)


def _entries(path: Path) -> list[str]:
    try:
        lines = path.read_text("utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError("CONTENT_FILTER_PATH: the file cannot be read as UTF-8 text") from error
    return [line for line in lines if not line.lstrip().startswith(_COMMENT)]
