"""Writes the phoneme front end's lexicon.

`python -m training.lexicon.build cmudict.dict f5_tts_core/assets/cmudict`, from the repository's root.
"""

import sys
from pathlib import Path

from f5_tts_core.text.lexicon import RULES_NAME, WORDS_NAME, pack, save
from training.lexicon.cmudict import read_cmudict
from training.lexicon.rules import learn_rules


def build(source: Path, folder: Path) -> None:
    """From CMUdict's text file `source` to our two files in `folder`. Takes half a minute; the same each time."""
    words = read_cmudict(source)
    save(folder / WORDS_NAME, {word: pack(phones) for word, phones in words.items()})
    save(folder / RULES_NAME, learn_rules(words))


if __name__ == "__main__":
    build(Path(sys.argv[1]), Path(sys.argv[2]))
