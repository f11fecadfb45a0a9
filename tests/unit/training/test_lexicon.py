"""The lexicon's recipe: what is read of CMUdict, which letter says what, and the rules learned from it."""

import re
from pathlib import Path

import pytest

from f5_tts_core.text.letter_to_sound import sound_out
from f5_tts_core.text.lexicon import RULES_NAME, WORDS_NAME, load, pack, unpack
from training.lexicon.alignment import Aligner
from training.lexicon.build import build
from training.lexicon.cmudict import ADDITIONS, PREFERRED, read_cmudict
from training.lexicon.measure import coverage, distance, letters_tell
from training.lexicon.rules import learn_rules

_DICTIONARY = """\
'tis T IH1 Z
a.m. EY2 EH1 M
aalborg AO1 L B AO0 R G # place, danish
co-op K OW1 AA2 P
read R EH1 D
read(2) R IY1 D
"""

#: `c` is K, but before `h`, where both are CH; `e` at the end is silent.
_RHYMES = {
    word: phones.split()
    for word, phones in {
        "cat": "K AE1 T", "chat": "CH AE1 T", "chap": "CH AE1 P", "cap": "K AE1 P", "hat": "HH AE1 T", "pat": "P AE1 T",
        "tap": "T AE1 P", "at": "AE1 T", "that's": "DH AE1 T S", "hap": "HH AE1 P", "ax": "AE1 K S", "tax": "T AE1 K S",
    }.items()
}  # fmt: skip


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "cmudict.dict"
    path.write_text(_DICTIONARY + "".join(f"{word} {' '.join(phones)}\n" for word, phones in _RHYMES.items()))
    return path


def test_cmudicts_words_are_read_without_comments_and_further_readings(source: Path) -> None:
    words = read_cmudict(source)
    assert words["'tis"] == ["T", "IH1", "Z"]
    assert words["aalborg"] == ["AO1", "L", "B", "AO0", "R", "G"]
    assert words["co-op"] == ["K", "OW1", "AA2", "P"]
    assert words.keys().isdisjoint({"a.m.", "read(2)"})


def test_our_choices_stand_in_for_cmudicts(source: Path) -> None:
    words = read_cmudict(source)
    assert words["read"] == ["R", "IY1", "D"]
    assert words["json"] == ["JH", "EY1", "S", "AH0", "N"]
    assert PREFERRED.keys().isdisjoint(ADDITIONS)
    assert all(unpack(pack(phones)) == phones.split() for phones in (PREFERRED | ADDITIONS).values())


def test_letters_are_aligned_to_their_sounds() -> None:
    aligner = Aligner(sorted(_RHYMES.items()))
    assert aligner.align("cap", ["K", "AE2", "P"]) == [("K",), ("AE2",), ("P",)]
    assert aligner.align("pax", ["P", "AE1", "K", "S"]) == [("P",), ("AE1",), ("K", "S")]
    assert aligner.align("p", ["P", "AE1", "K"]) is None


def test_rules_say_what_they_were_learned_from() -> None:
    rules = learn_rules(_RHYMES)
    for word in ("cat", "chat", "hap", "tax"):
        assert unpack(sound_out(word, rules)) == _RHYMES[word]
    assert unpack(sound_out("chax", rules)) == ["CH", "AE1", "K", "S"]


def test_a_rule_that_says_what_narrower_ones_do_is_not_kept() -> None:
    rules = learn_rules(_RHYMES)
    assert rules["a"] == pack("AE1")
    assert not [key for key in rules if len(key) > 1 and key[(len(key) - 1) // 2] == "a"]


def test_both_files_are_built_the_same_each_time(source: Path, tmp_path: Path) -> None:
    folders = [tmp_path / "one", tmp_path / "two"]
    for folder in folders:
        folder.mkdir()
        build(source, folder)
    for name in (WORDS_NAME, RULES_NAME):
        assert (folders[0] / name).read_bytes() == (folders[1] / name).read_bytes()
    assert load(folders[0] / WORDS_NAME)["chat"] == pack("CH AE1 T")


def test_errors_are_counted_in_phones() -> None:
    assert distance(["K", "AE1", "T"], ["K", "AE1", "T"]) == 0
    assert distance(["K", "AE1", "T"], ["K", "AE2", "T", "S"]) == 2
    assert distance(["K", "AE1"], []) == 2


def test_running_words_are_counted_by_the_way_they_are_read() -> None:
    counted = coverage("The cat rebooted; the cat's blorft.")
    assert counted.startswith("6 words: dictionary 66.67%")
    assert counted.endswith("by rules: blorft")


def test_letters_tell_more_the_more_of_them_are_seen() -> None:
    told = [
        float(share) for share in re.findall(r"([0-9.]+)% words right", letters_tell("The quick thought of a child."))
    ]
    assert len(told) == 5
    assert told[0] < told[-1]
