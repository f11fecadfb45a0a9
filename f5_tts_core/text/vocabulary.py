"""A checkpoint's vocabulary: one token a line of `vocab.txt`, its index the line's number."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from f5_tts_core import errors

#: Tones of pinyin, the one nearest to a neutral one first.
_TONES: Final = "54123"


class Vocabulary:
    """Tokens in the order of their indices. A token that stands twice has the later index, as in F5-TTS."""

    def __init__(self, tokens: Sequence[str]) -> None:
        self.tokens = tuple(tokens)
        self._index = {token: index for index, token in enumerate(tokens)}

    def __len__(self) -> int:
        """Lines of the file, which is what a checkpoint's text embedding was sized by."""
        return len(self.tokens)

    def __contains__(self, token: object) -> bool:
        return token in self._index

    def encode(self, tokens: Iterable[str]) -> list[int]:
        """The index of each token. Raises `UnsupportedCharacters` where there is none."""
        tokens = list(tokens)
        missing = self.unknown(tokens)
        if missing:
            raise errors.UnsupportedCharacters(f"The model's vocabulary has no entry for: {' '.join(missing[:10])}.")
        return [self._index[self._stand_in(token)] for token in tokens]

    def unknown(self, tokens: Iterable[str]) -> list[str]:
        """Tokens without an index, each once, in order of appearance."""
        return [token for token in dict.fromkeys(tokens) if self._stand_in(token) not in self._index]

    def _stand_in(self, token: str) -> str:
        """The token itself, or for a syllable whose neutral tone the vocabulary lacks, one with a tone."""
        if token in self._index or not (len(token) > 1 and token.isascii() and token.isalpha()):
            return token
        return next((token + tone for tone in _TONES if token + tone in self._index), token)


def load_vocabulary(path: Path) -> Vocabulary:
    """Read `vocab.txt`. Raises `MissingModelFile`, and `CheckpointMismatch` for a file that is no vocabulary."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise errors.MissingModelFile(f"There is no vocabulary at {path}.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise errors.CheckpointMismatch(f"{path} is not a vocabulary in UTF-8: {error}.") from error
    # Not splitlines(): some vocabularies hold U+2028 and its like as tokens.
    lines = text.removesuffix("\n").split("\n")
    if lines == [""]:
        raise errors.CheckpointMismatch(f"The vocabulary at {path} is empty.")
    return Vocabulary(lines)
