"""What the teacher is to say: plain English out of texts that ship with the tools. Free of torch.

Nobody's prose is in the model's folder: the texts are spoken, and stay in the build folder.
"""

import ast
import hashlib
import re
import sysconfig
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from f5_tts_core.text.numbers import spell_numbers
from training.errors import TrainingError
from training.grammar import made_sentence, word_salad

#: Characters of a sentence; at the teacher's rates about 1 to 5.4 s.
MIN_CHARACTERS: Final = 12
MAX_CHARACTERS: Final = 84
#: Of a hundred sentences, how many are never trained on.
HELD_OUT_PERCENT: Final = 2
#: Sentences made by rule for each found one: plain grammar, and words in no order.
MADE_SHARE: Final = 0.5
SALAD_SHARE: Final = 0.35
#: Without the larger sources there are still so many made ones.
MIN_MADE: Final = 4_000
#: A word of the salad occurs at least so often: rarer ones are names and slips.
_WORD_COUNT: Final = 3

_SENTENCE: Final = re.compile(r"[A-Za-z][A-Za-z' ,]*[A-Za-z][.!?,]?")
_WORD: Final = re.compile(r"(?:[A-Z]?[a-z]+(?:'[a-z]+)?|I(?:'[a-z]+)?|A|O)")
_BREAK: Final = re.compile(r"(?<=[.!?]) |(?<=[,;:]) ")
_SPACES: Final = re.compile(r"\s+")
_DASHES: Final = re.compile(r" ?(?:--+|[–—;:]) ?")
_VOWEL: Final = re.compile(r"[aeiouyAEIOUY]")
_LONGEST_WORD: Final = 15


@dataclass(frozen=True)
class Source:
    """A body of text, where it comes from, and under which licence."""

    name: str
    licence: str
    paragraphs: Callable[[], Iterator[str]]


def write_texts(
    folder: Path, sources: Sequence[Source], *, exclude: Iterable[Path] = (), seed: int = 1
) -> dict[str, int]:
    """Writes `train.txt`, `held-out.txt` and `SOURCES.md` into `folder`; sentences by source.

    Sentences of the files `exclude`, one a line, are left out: what a benchmark says must not have been trained on.
    """
    banned = {_key(line) for path in exclude for line in path.read_text(encoding="utf-8").splitlines()}
    found: dict[str, str] = {}
    counts: dict[str, int] = {}
    for source in sources:
        before = len(found)
        for sentence in _sentences(source):
            found.setdefault(_key(sentence), sentence)
        counts[source.name] = len(found) - before
    made = _made(list(found.values()), np.random.default_rng(seed))
    counts["made by rule (training/grammar.py)"] = len(made.keys() - found.keys())
    kept = [sentence for key, sentence in sorted((made | found).items()) if key not in banned]
    _write(folder, kept, sources, counts)
    return counts


def read_texts(path: Path) -> list[str]:
    """Sentences, one a line. Raises `TrainingError` where there are none."""
    texts = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    if not texts:
        raise TrainingError(f"There are no texts in {path}: run `python -m training texts` first.")
    return texts


def is_held_out(sentence: str) -> bool:
    """By the words alone: another comma does not move a sentence into training."""
    return int(hashlib.sha256(_key(sentence).encode()).hexdigest(), 16) % 100 < HELD_OUT_PERCENT


def clean(text: str) -> str | None:
    """The sentence as plain words and pauses, numbers spelled; None where it is no plain English."""
    text = _SPACES.sub(" ", _DASHES.sub(", ", spell_numbers(text.replace("’", "'"))).replace("-", " "))
    text = text.strip(" \"'()*,")
    if not MIN_CHARACTERS <= len(text) <= MAX_CHARACTERS or not _SENTENCE.fullmatch(text):
        return None
    words = re.findall(r"[A-Za-z']+", text)
    return text if len(words) > 1 and all(map(_is_word, words)) else None


def _is_word(word: str) -> bool:
    return bool(_WORD.fullmatch(word) and _VOWEL.search(word)) and len(word) <= _LONGEST_WORD


def _key(sentence: str) -> str:
    return " ".join(re.findall(r"[a-z']+", sentence.lower()))


def _sentences(source: Source) -> Iterator[str]:
    """Every sentence and every clause that is plain English."""
    for paragraph in source.paragraphs():
        for piece in _BREAK.split(_SPACES.sub(" ", paragraph)):
            sentence = clean(piece)
            if sentence:
                yield sentence


def _made(found: list[str], rng: np.random.Generator) -> dict[str, str]:
    counts = Counter(word for sentence in found for word in re.findall(r"[a-z']+", sentence.lower()))
    words = sorted(word for word, count in counts.items() if count >= _WORD_COUNT and len(word) > 1)
    plain = max(MIN_MADE, round(len(found) * MADE_SHARE))
    sentences = [made_sentence(rng) for _ in range(plain)]
    if words:
        sentences += [word_salad(rng, words) for _ in range(round(len(found) * SALAD_SHARE))]
    return {_key(text): text for text in sentences if MIN_CHARACTERS <= len(text) <= MAX_CHARACTERS}


def _write(folder: Path, sentences: list[str], sources: Sequence[Source], counts: dict[str, int]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    held_out = [sentence for sentence in sentences if is_held_out(sentence)]
    trained = [sentence for sentence in sentences if not is_held_out(sentence)]
    for name, lines in (("train", trained), ("held-out", held_out)):
        (folder / f"{name}.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    licences = {source.name: source.licence for source in sources}
    rows = [f"| {name} | {count} | {licences.get(name, 'ours')} |" for name, count in counts.items()]
    header = ["| source | sentences | licence |", "|---|---|---|"]
    (folder / "SOURCES.md").write_text("\n".join(header + rows) + "\n", encoding="utf-8")


# --- sources --------------------------------------------------------------------------------------

_UNSUITED: Final = frozenset({"ascii-art", "knghtbrd", "linuxcookie", "perl", "translate-me", "debian"})


def sources_at_hand(fortunes: Path | None) -> list[Source]:
    """Python's own texts, Debian's licences, and Debian's package of `fortunes` where its folder is given."""
    library = Path(sysconfig.get_path("stdlib"))
    licences = Path("/usr/share/common-licenses")
    sources = [
        Source("docstrings of Python's standard library", "PSF-2.0", lambda: _docstrings(library)),
        Source("Python's reference manual (pydoc topics)", "PSF-2.0", lambda: _topics(library)),
    ]
    if licences.is_dir():
        sources.append(Source("licence texts of Debian", "verbatim copies allowed", lambda: _plain_files(licences)))
    if fortunes is not None:
        sources.append(fortunes_in(fortunes))
    return sources


def fortunes_in(folder: Path) -> Source:
    """Debian's package of that name, unpacked anywhere. Raises `TrainingError` where there is no such folder."""
    if not folder.is_dir():
        raise TrainingError(f"There is no folder of fortunes at {folder}.")
    return Source("Debian's package fortunes", "BSD-3-Clause (collection)", lambda: _fortunes(folder))


def _fortunes(folder: Path) -> Iterator[str]:
    for path in sorted(folder.iterdir()):
        if path.is_file() and not path.suffix and path.name not in _UNSUITED:
            for fortune in path.read_text(encoding="utf-8", errors="replace").split("\n%\n"):
                # A line with two tabs names who said it.
                yield " ".join(line for line in fortune.splitlines() if not line.startswith("\t\t"))


def _docstrings(library: Path) -> Iterator[str]:
    for path in sorted(library.glob("[a-z]*.py")) + sorted(library.glob("[a-z]*/[a-z_]*.py")):
        if path.parent.name in ("site-packages", "test", "idlelib", "turtledemo"):
            continue
        for node in ast.walk(ast.parse(path.read_bytes())):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                yield from (ast.get_docstring(node) or "").split("\n\n")


def _topics(library: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse((library / "pydoc_data" / "topics.py").read_bytes())):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield from node.value.split("\n\n")


def _plain_files(folder: Path) -> Iterator[str]:
    for path in sorted(folder.iterdir()):
        if path.is_file() and not path.is_symlink():
            yield from path.read_text(encoding="utf-8", errors="replace").split("\n\n")
