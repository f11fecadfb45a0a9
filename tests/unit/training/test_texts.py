"""Sentences: cleaned, told apart, kept away from what is measured."""

from pathlib import Path

import numpy as np
import pytest

from training.errors import TrainingError
from training.grammar import made_sentence, word_salad
from training.texts import clean, fortunes_in, is_held_out, read_texts, write_texts


@pytest.mark.parametrize(
    ("raw", "cleaned"),
    [
        ("He bought 12 well-known books.", "He bought twelve well known books."),
        ("A letter -- it came late.", "A letter, it came late."),
        ('"It is not so," she said', None),
        ("Call foo_bar() twice now.", None),
        ("The XMLParser reads it all.", None),
        ("Too short.", None),
        ("Don’t look back, something is there!", "Don't look back, something is there!"),
    ],
)
def test_only_plain_english_is_kept(raw: str, cleaned: str | None) -> None:
    assert clean(raw) == cleaned


def test_no_word_decides_twice(build: Path) -> None:
    """The splits share no sentence, however it is written."""
    splits = [{line.lower().strip(",.!?") for line in read_texts(build / "texts" / f"{name}.txt")} for name in SPLITS]
    assert splits[0].isdisjoint(splits[1])
    assert is_held_out("Some words, and more.") == is_held_out("some words and more!")


SPLITS = ("train", "held-out")


def test_about_two_of_a_hundred_are_held_out(build: Path) -> None:
    counts = [len(read_texts(build / "texts" / f"{name}.txt")) for name in SPLITS]
    assert 0.01 < counts[1] / sum(counts) < 0.03


def test_fortunes_are_read_and_excluded_sentences_are_not(tmp_path: Path) -> None:
    fortunes, exclude = tmp_path / "fortunes", tmp_path / "exclude.txt"
    fortunes.mkdir()
    (fortunes / "wisdom").write_text(
        "A heron never hurries home.\n\t\t-- Nobody\n%\nThe zealous otter overslept again.\n"
    )
    exclude.write_text("the zealous otter overslept again\n")
    counts = write_texts(tmp_path / "texts", [fortunes_in(fortunes)], exclude=[exclude])
    written = [line for name in SPLITS for line in read_texts(tmp_path / "texts" / f"{name}.txt")]
    assert counts["Debian's package fortunes"] == 2
    assert "A heron never hurries home." in written
    assert not any("otter" in line for line in written)
    assert "BSD-3-Clause" in (tmp_path / "texts" / "SOURCES.md").read_text()


def test_missing_fortunes_are_not_passed_over(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="no folder of fortunes"):
        fortunes_in(tmp_path / "nowhere")


def test_missing_texts_say_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="training texts"):
        read_texts(tmp_path / "train.txt")


def test_made_sentences_are_plain_english() -> None:
    rng = np.random.default_rng(3)
    made = [made_sentence(rng) for _ in range(300)]
    assert len(set(made)) > 280
    assert all("{" not in text and text[0].isupper() and text[-1] in ".?!" for text in made)
    assert 2 <= len(word_salad(rng, ["red", "blue"]).split()) <= 8
