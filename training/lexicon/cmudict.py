"""Reads CMUdict, and chooses where it gives a word more than one reading."""

import re
from pathlib import Path
from typing import Final

_ENTRY: Final = re.compile(r"[a-z]+(?:['-][a-z]+)*'?|'[a-z]+")

#: What is said most often in plain text, where CMUdict's first reading is another one, or wrong.
PREFERRED: Final = {
    "bass": "B EY1 S", "bow": "B OW1", "dr": "D AA1 K T ER0", "excuse": "IH0 K S K Y UW1 Z",
    "invalid": "IH2 N V AE1 L IH0 D", "lead": "L IY1 D", "live": "L IH1 V", "perfect": "P ER1 F IH0 K T",
    "permit": "P ER0 M IH1 T", "read": "R IY1 D", "record": "R EH1 K ER0 D", "sow": "S OW1", "st": "S EY1 N T",
    "subject": "S AH1 B JH IH0 K T", "tear": "T IH1 R", "tears": "T IH1 R Z", "use": "Y UW1 Z", "was": "W AH1 Z",
    "wind": "W IH1 N D", "wound": "W UW1 N D",
}  # fmt: skip

#: Words that CMUdict lacks and that people write today.
ADDITIONS: Final = {
    "app": "AE1 P", "apps": "AE1 P S", "async": "EY1 S IH2 NG K", "emoji": "IH0 M OW1 JH IY0",
    "github": "G IH1 T HH AH2 B", "json": "JH EY1 S AH0 N", "miz": "M IH1 Z", "pytorch": "P AY1 T AO2 R CH",
    "selfie": "S EH1 L F IY0", "timbre": "T AE1 M B ER0", "wifi": "W AY1 F AY2", "yaml": "Y AE1 M AH0 L",
}  # fmt: skip


def read_cmudict(path: Path) -> dict[str, list[str]]:
    """Words (lower case; with apostrophes and hyphens, without periods) and the phones of their commonest reading."""
    words: dict[str, list[str]] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        word, *phones = line.partition("#")[0].split()
        # A second reading is written `word(2)`, which is no entry here.
        if _ENTRY.fullmatch(word):
            words[word] = phones
    chosen = {word: phones.split() for word, phones in (PREFERRED | ADDITIONS).items()}
    return words | chosen
