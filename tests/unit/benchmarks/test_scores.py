"""The arithmetic of closing distances, and of means over rows that lack figures."""

from dataclasses import replace

import pytest

from benchmarks.scores import closed, mean, score
from tests.unit.benchmarks.rows import ROW


@pytest.mark.parametrize(
    ("ours", "floor", "teacher", "share"),
    [
        (0.6, 0.2, 1.0, 0.5),
        (0.2, 0.2, 1.0, 0.0),
        (1.0, 0.2, 1.0, 1.0),
        (0.1, 0.2, 1.0, -0.125),
        (0.6, 0.5, 0.5, None),
        (0.6, 0.7, 0.5, None),
        (None, 0.2, 1.0, None),
        (0.6, None, 1.0, None),
        (0.6, 0.2, None, None),
    ],
)
def test_how_much_of_the_way_is_closed(
    ours: float | None, floor: float | None, teacher: float | None, share: float | None
) -> None:
    assert closed(ours, floor, teacher) == (None if share is None else pytest.approx(share))


def test_means_are_of_what_is_there() -> None:
    assert mean([1.0, None, 3.0]) == 2.0
    assert mean([None, None]) is None


def test_words_of_voices_that_nobody_understands_count_apart() -> None:
    scores = score([ROW, replace(ROW, is_heard=False, words=0.0)])

    assert (scores.words, scores.words_all) == (0.6, 0.3)
    assert scores.words_closed == pytest.approx(0.5)
    assert scores.words_all_closed == pytest.approx(0.125)
    assert scores.speaker_closed == pytest.approx(0.75)


def test_a_run_without_an_understood_voice_says_nothing_of_words() -> None:
    scores = score([replace(ROW, is_heard=False)])

    assert (scores.words, scores.words_closed, scores.words_all) == (None, None, 0.6)


def test_failed_items_count_and_refused_ones_have_no_speed() -> None:
    refused = replace(ROW, words=0.0, speaker=0.0, distance=None, failure="refused", audio_seconds=0, work_seconds=0)
    scores = score([ROW, ROW, ROW, refused])

    assert scores.failed == 0.25
    assert scores.distance == 6.0
    assert scores.real_time_factor == 0.5
    assert score([refused]).real_time_factor is None
