"""A job heard while it is spoken: as it is made, complete, once, and at no cost to the job."""

import io

import numpy as np
import soundfile

from f5_tts_core import errors
from services.shared.job import Job, JobStatus
from tests.unit.worker.conftest import Bench

#: Seven steps take less than a second of speech each.
TEXT = "There is something to hear of this."
LONG = "A text of many words, so that there is something to hear for more than a second or two of time."


def heard(bench: Bench, job: Job, attempt: int = 1) -> list[bytes]:
    return [piece.samples for piece in bench.audio.read(job.id, attempt, after=0, limit=1_000)]


def test_what_is_heard_is_what_is_stored(bench: Bench) -> None:
    job = bench.submit(text=TEXT, stream=True)
    assert bench.runner().run(job.id) is JobStatus.SUCCEEDED
    stored = bench.jobs.get(job.id).output
    assert stored is not None
    samples, _ = soundfile.read(io.BytesIO(bench.blobs.get(stored.key)), dtype="int16")
    pieces = heard(bench, job)
    assert len(pieces) == 8
    assert pieces[-1] == b""
    assert all(0 < len(piece) <= 48_000 for piece in pieces[:-1])
    np.testing.assert_array_equal(np.frombuffer(b"".join(pieces), "<i2"), samples)


def test_it_is_heard_while_it_is_spoken(bench: Bench) -> None:
    job = bench.submit(text=TEXT, stream=True)
    counts: list[int] = []
    bench.engine.cues[1] = lambda: counts.append(len(heard(bench, job)))
    bench.engine.cues[7] = lambda: counts.append(len(heard(bench, job)))
    bench.runner().run(job.id)
    assert counts[0] == 0
    assert counts[1] == 6


def test_long_pieces_are_cut_into_seconds(bench: Bench) -> None:
    job = bench.submit(text=LONG, stream=True, nfe_step=1)
    bench.runner().run(job.id)
    assert [len(piece) for piece in heard(bench, job)[:2]] == [48_000, 48_000]


def test_nothing_is_heard_of_a_job_that_is_not_streamed(bench: Bench) -> None:
    job = bench.submit(text=TEXT)
    assert bench.runner().run(job.id) is JobStatus.SUCCEEDED
    assert heard(bench, job) == []


def test_an_attempt_that_fails_falls_silent_without_an_end_and_the_next_one_speaks_anew(bench: Bench) -> None:
    job = bench.submit(text=TEXT, stream=True)

    def fail() -> None:
        bench.engine.cues.clear()
        raise errors.OutOfMemory("The device ran out of memory.")

    bench.engine.cues[4] = fail
    bench.runner().run(job.id)
    assert len(heard(bench, job)) == 3
    assert b"" not in heard(bench, job)
    bench.clock.advance(60)
    assert bench.runner().run(job.id) is JobStatus.SUCCEEDED
    assert heard(bench, job, attempt=2)[-1] == b""
    assert len(heard(bench, job)) == 3


def test_a_channel_that_is_away_costs_the_job_nothing(bench: Bench) -> None:
    job = bench.submit(text=TEXT, stream=True)

    def switch(*, down: bool) -> None:
        bench.audio.down = down

    bench.engine.cues = {2: lambda: switch(down=True), 4: lambda: switch(down=False)}
    assert bench.runner().run(job.id) is JobStatus.SUCCEEDED
    # What was missed stays missed, so nobody takes the rest for the whole.
    assert len(heard(bench, job)) == 1
