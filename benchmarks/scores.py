"""What many rows say together."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from benchmarks.measuring import Row


@dataclass(frozen=True)
class Scores:
    """Means over a run's rows at one number of solver steps. None: not measured."""

    nfe_step: int
    items: int
    #: Shares of words heard right, in the voices that the recognizer understands.
    words: float | None
    words_teacher: float | None
    words_floor: float | None
    #: The share of the way from floor to teacher; 1 is as good as the teacher.
    words_closed: float | None
    #: Shares of words heard right, in all voices.
    words_all: float | None
    words_all_teacher: float | None
    words_all_floor: float | None
    words_all_closed: float | None
    #: Cosines to the reference.
    speaker: float | None
    speaker_teacher: float | None
    speaker_other: float | None
    #: The share of the way from another voice to the teacher.
    speaker_closed: float | None
    #: dB to the teacher's rendering.
    distance: float | None
    distance_floor: float | None
    distance_other: float | None
    #: The share of items that are silent, cut, running on, or refused.
    failed: float
    #: Seconds of work a second of speech, over all items together.
    real_time_factor: float | None


def score(rows: Sequence[Row]) -> Scores:
    """The scores of one or more rows of the same number of solver steps."""
    heard = [row for row in rows if row.is_heard]
    words, teacher, floor = (mean(values) for values in zip(*map(_words, heard), strict=True)) if heard else [None] * 3
    words_all, all_teacher, all_floor = (mean(values) for values in zip(*map(_words, rows), strict=True))
    speaker = mean(row.speaker for row in rows)
    speaker_teacher = mean(row.speaker_teacher for row in rows)
    speaker_other = mean(row.speaker_other for row in rows)
    seconds = sum(row.audio_seconds for row in rows)
    return Scores(
        nfe_step=rows[0].nfe_step,
        items=len(rows),
        words=words,
        words_teacher=teacher,
        words_floor=floor,
        words_closed=closed(words, floor, teacher),
        words_all=words_all,
        words_all_teacher=all_teacher,
        words_all_floor=all_floor,
        words_all_closed=closed(words_all, all_floor, all_teacher),
        speaker=speaker,
        speaker_teacher=speaker_teacher,
        speaker_other=speaker_other,
        speaker_closed=closed(speaker, speaker_other, speaker_teacher),
        distance=mean(row.distance for row in rows),
        distance_floor=mean(row.distance_floor for row in rows),
        distance_other=mean(row.distance_other for row in rows),
        failed=sum(row.failure is not None for row in rows) / len(rows),
        real_time_factor=sum(row.work_seconds for row in rows) / seconds if seconds else None,
    )


def closed(ours: float | None, floor: float | None, teacher: float | None) -> float | None:
    """How much of the distance from floor to teacher is closed: 0 at the floor, 1 at the teacher, and beyond both.

    None where one is unknown, or the teacher is no better than the floor.
    """
    if ours is None or floor is None or teacher is None or teacher <= floor:
        return None
    return (ours - floor) / (teacher - floor)


def mean(values: Iterable[float | None]) -> float | None:
    """Of the values that are there."""
    present = [value for value in values if value is not None]
    return sum(present) / len(present) if present else None


def _words(row: Row) -> tuple[float, float | None, float | None]:
    return row.words, row.words_teacher, row.words_floor
