"""Reads CMUdict, and chooses where it gives a word more than one reading."""

import re
from pathlib import Path
from typing import Final

_ENTRY: Final = re.compile(r"[a-z]+(?:['-][a-z]+)*'?|'[a-z]+")

#: What is said most often in plain text, where CMUdict's first reading is another one, or wrong, or not in line with
#: those of its kin (the days of the week, the numbers).
PREFERRED: Final = {
    "august": "AO1 G AH0 S T", "bass": "B EY1 S", "bought": "B AO1 T", "bow": "B OW1", "cannot": "K AE1 N AA2 T",
    "caught": "K AO1 T", "dogs": "D AO1 G Z", "dr": "D AA1 K T ER0", "eighteen": "EY2 T IY1 N",
    "every": "EH1 V R IY0", "excuse": "IH0 K S K Y UW1 Z", "fifteen": "F IH2 F T IY1 N",
    "fourteen": "F AO2 R T IY1 N", "friday": "F R AY1 D EY2", "invalid": "IH2 N V AE1 L IH0 D", "lead": "L IY1 D",
    "live": "L IH1 V", "monday": "M AH1 N D EY2", "nobody": "N OW1 B AA2 D IY0", "perfect": "P ER1 F IH0 K T",
    "permit": "P ER0 M IH1 T", "read": "R IY1 D", "record": "R EH1 K ER0 D", "saturday": "S AE1 T ER0 D EY2",
    "sixteen": "S IH2 K S T IY1 N", "sow": "S OW1", "st": "S EY1 N T", "subject": "S AH1 B JH IH0 K T",
    "tear": "T IH1 R", "tears": "T IH1 R Z", "thirty": "TH ER1 T IY0", "timbre": "T AE1 M B ER0",
    "tuesday": "T UW1 Z D EY2", "uber": "UW1 B ER0", "use": "Y UW1 Z", "was": "W AH1 Z", "wednesday": "W EH1 N Z D EY2",
    "wind": "W IH1 N D", "wound": "W UW1 N D",
}  # fmt: skip

#: Words that CMUdict lacks and that people write today.
ADDITIONS: Final = {
    "airbnb": "EH2 R B IY1 AH0 N B IY1", "async": "EY1 S IH2 NG K",
    "chatgpt": "CH AE2 T JH IY2 P IY2 T IY1", "config": "K AA1 N F IH0 G", "coroutine": "K OW1 R UW0 T IY2 N",
    "emoji": "IH0 M OW1 JH IY0", "enum": "IY1 N AH0 M", "gpu": "JH IY2 P IY2 Y UW1",
    "gzip": "JH IY1 Z IH2 P", "hdmi": "EY2 CH D IY2 EH2 M AY1", "hexadecimal": "HH EH2 K S AH0 D EH1 S AH0 M AH0 L",
    "iterate": "IH1 T ER0 EY2 T", "jpeg": "JH EY1 P EH2 G", "json": "JH EY1 S AH0 N",
    "kubernetes": "K UW2 B ER0 N EH1 T IY0 Z", "llm": "EH2 L EH2 L EH1 M", "miz": "M IH1 Z",
    "mysql": "M AY2 EH2 S K Y UW2 EH1 L", "numpy": "N AH1 M P AY2", "omg": "OW2 EH2 M JH IY1",
    "openai": "OW2 P AH0 N EY2 AY1", "param": "P EH1 R AE2 M", "pytorch": "P AY1 T AO2 R CH",
    "regex": "R EH1 JH EH2 K S", "stderr": "S T AE2 N D ER0 D EH1 R ER0",
    "stdin": "S T AE2 N D ER0 D IH1 N", "stdout": "S T AE2 N D ER0 D AW1 T",
    "tuple": "T UW1 P AH0 L", "unicode": "Y UW1 N IH0 K OW2 D", "vocoder": "V OW1 K OW2 D ER0",
    "yaml": "Y AE1 M AH0 L",
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
