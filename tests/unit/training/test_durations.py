"""Usual durations of tokens."""

from pathlib import Path

import pytest

from f5_tts_core import limits
from training.durations import read_token_seconds, usual_seconds, write_token_seconds
from training.errors import TrainingError


def test_a_token_that_was_hardly_heard_is_taken_for_what_sounds_like_it() -> None:
    seconds = usual_seconds([("AH0", 4)] * 400 + [("AH1", 12)], [" ", "AH0", "AH1", "AH2"])
    assert seconds["AH0"] == pytest.approx(4 / limits.FRAMES_PER_SECOND, rel=0.01)
    assert seconds["AH2"] == pytest.approx(seconds["AH0"], rel=0.01)
    assert seconds["AH0"] < seconds["AH1"] < 1.2 * seconds["AH0"]


def test_what_is_written_is_read(tmp_path: Path) -> None:
    write_token_seconds(tmp_path / "dit", {"a": 0.1})
    assert read_token_seconds(tmp_path / "dit") == {"a": 0.1}


def test_without_a_run_there_are_none(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="train first"):
        read_token_seconds(tmp_path)
