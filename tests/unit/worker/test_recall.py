"""Speaking nothing twice: who gets whose audio, and who waits for whom."""

import io
from dataclasses import fields, replace

import pytest

from f5_tts_core.types import EngineInfo
from services.shared.job import (
    Job,
    JobInput,
    JobOutput,
    JobStatus,
    LongText,
    Speaker,
    claim,
    fail,
    output_key,
    output_prefix,
    request_cancel,
    succeed,
)
from services.shared.recall import Recall
from services.worker.faults import WORKER_CRASHED
from tests.unit.worker.conftest import Bench, CuedEngine

#: Another value for everything that changes how a job sounds.
OTHER = {
    "text": "Something else.",
    "reference_sha256": "1" * 64,
    "ref_text": None,
    "speed": 1.5,
    "seed": 8,
    "nfe_step": 16,
    "cfg_strength": 1.0,
    "remove_silence": True,
    "format": "flac",
    "sample_rate": 48_000,
    "bit_depth": 24,
    "bitrate": 96,
    "loudness": -23.0,
    "trim": True,
    "stream": True,
    "speakers": (Speaker("bob", "b" * 32, "voices/b/sample", "1" * 64, "What Bob says."),),
    "long": LongText("1" * 64, 5_000, 5_000),
}


class OtherEngine(CuedEngine):
    """Describes itself as it is told to."""

    def __init__(self, **description: str) -> None:
        super().__init__()
        self._description = description

    def describe(self) -> EngineInfo:
        return replace(super().describe(), **self._description)


def _run(bench: Bench, engine: CuedEngine | None = None, **overrides: object):
    job = bench.submit(**{"cache": True} | overrides)
    assert bench.runner(engine=engine).run(job.id) is JobStatus.SUCCEEDED
    return bench.jobs.get(job.id)


def _erase(bench: Bench, job: Job) -> None:
    bench.blobs.delete_prefix(output_prefix(job.id))
    bench.jobs.remove(job.id)


def _spoken(bench: Bench) -> int:
    return len(bench.engine.requests)


# --- what was spoken before ---------------------------------------------------------------------


def test_the_same_again_is_a_copy(bench):
    first, second = _run(bench), _run(bench)
    assert _spoken(bench) == 1
    assert (first.output.cached, second.output.cached) == (False, True)
    assert second.output.key == output_key(second.id, 1, "wav")
    assert bench.stored_sha256(second) == second.output.sha256 == first.output.sha256
    assert second.progress == 1.0
    assert second.metrics.keys() == {"queue_seconds", "fetch_seconds", "recall_seconds", "total_seconds"}
    assert second.input.reference_key not in bench.blobs.blobs


def test_copies_of_copies_are_still_told_as_such(bench):
    jobs = [_run(bench) for _ in range(3)]
    assert [job.output.cached for job in jobs] == [False, True, True]


def test_a_copy_outlives_its_original_and_the_other_way_round(bench):
    first, second, third = _run(bench), _run(bench), _run(bench)
    _erase(bench, first)
    assert bench.stored_sha256(second) == first.output.sha256
    _erase(bench, third)
    assert bench.stored_sha256(second) == first.output.sha256
    assert _run(bench).output.cached is False  # The one that was named is gone: spoken again.


def test_a_copy_has_a_lifetime_of_its_own(bench):
    _run(bench)
    bench.clock.advance(3_600)
    assert _run(bench).output.expires_at == bench.clock() + bench.settings.job_ttl_seconds


@pytest.mark.parametrize("field", sorted(one.name for one in fields(JobInput)))
def test_whatever_changes_the_sound_is_spoken(bench, field):
    """A field that is added to what a job is asked for counts, unless it is said to be silent."""
    if field in ("cache", "reference_key", "voice_id"):
        return
    _run(bench)
    recall, engine = Recall(bench.parts), bench.engine.describe()
    same = bench.submit(cache=True)
    assert recall.find_or_lead(same, engine, pytest.fail) is not None
    other = bench.submit(**{"cache": True, field: OTHER[field]})
    assert recall.find_or_lead(other, engine, pytest.fail) is None


def test_the_reference_counts_by_what_is_in_it(bench):
    _run(bench, voice_id="a" * 32)
    assert _run(bench, voice_id=None).output.cached


def test_nobody_gets_anothers_audio(bench):
    _run(bench, owner="alice")
    assert not _run(bench, owner="bob").output.cached
    assert _spoken(bench) == 2


@pytest.mark.parametrize(("first", "second"), [(False, True), (True, False), (False, False)])
def test_who_does_not_want_to_share_neither_gives_nor_takes(bench, first, second):
    _run(bench, cache=first)
    assert not _run(bench, cache=second).output.cached


def test_the_operator_may_switch_it_off(bench):
    bench.configure(result_cache=False)
    _run(bench)
    assert not _run(bench).output.cached


@pytest.mark.parametrize("other", [{"fingerprint": "other"}, {"model": "other"}, {"vocoder": "other"}])
def test_another_model_speaks_for_itself(bench, other):
    _run(bench)
    assert not _run(bench, OtherEngine(**other)).output.cached


def test_an_engine_that_does_not_say_what_it_is_speaks_everything(bench):
    engine = OtherEngine(fingerprint="")
    assert [_run(bench, engine).output.cached for _ in range(2)] == [False, False]


def test_audio_whose_time_is_over_is_spoken_again(bench):
    bench.configure(output_ttl_seconds=60)
    _run(bench)
    bench.clock.advance(60)
    assert not _run(bench).output.cached
    assert _run(bench).output.cached


def test_audio_that_lies_there_no_more_is_spoken_again(bench):
    first = _run(bench)
    bench.blobs.delete(first.output.key)
    assert not _run(bench).output.cached


def test_a_deleted_voice_is_not_spoken_in_from_memory(bench):
    _run(bench)
    job = bench.submit(None, cache=True)
    assert bench.runner().run(job.id) is JobStatus.FAILED
    assert bench.jobs.get(job.id).output is None


def test_copies_tell_nothing_of_how_fast_speech_is_made(bench):
    _run(bench)
    bench.pace.note(5.0, 1.0)
    known = bench.pace.pace()
    assert _run(bench).output.cached
    assert bench.pace.pace() == known


# --- what is being spoken right now -------------------------------------------------------------


@pytest.fixture
def underway(bench):
    """A job that another worker speaks, and that identical ones wait for."""
    job = bench.submit(cache=True)
    job = bench.jobs.replace(job, claim(job, "worker-b", bench.clock(), 10.0))
    assert Recall(bench.parts).find_or_lead(job, bench.engine.describe(), pytest.fail) is None
    return job


def _succeed(bench, job):
    key = output_key(job.id, job.attempt, "wav")
    bench.blobs.put(key, io.BytesIO(b"audio"), 5, "audio/wav")
    output = JobOutput(key, "wav", 5, "a" * 64, 1.0, 24_000, 7, expires_at=bench.clock() + 600)
    bench.jobs.replace(job, succeed(job, job.attempt, output, {}, bench.clock()))


def test_an_identical_job_under_way_is_waited_for(bench, underway):
    bench.on_sleep = [lambda: None, lambda: _succeed(bench, underway)]
    second = _run(bench)
    assert (_spoken(bench), second.output.cached, second.output.sha256) == (0, True, "a" * 64)
    assert bench.blobs.get(second.output.key) == b"audio"


def test_who_is_listened_to_waits_for_nobody(bench):
    leader = bench.submit(cache=True, stream=True)
    leader = bench.jobs.replace(leader, claim(leader, "worker-b", bench.clock(), 10.0))
    assert Recall(bench.parts).find_or_lead(leader, bench.engine.describe(), pytest.fail) is None
    bench.on_sleep = [pytest.fail]
    assert not _run(bench, stream=True).output.cached
    _succeed(bench, leader)
    # What is there already is nothing to wait for.
    assert _run(bench, stream=True).output.cached
    assert _spoken(bench) == 1


@pytest.mark.parametrize(
    "end",
    [
        lambda bench, job: bench.jobs.replace(job, fail(job, 1, WORKER_CRASHED, bench.clock())),
        lambda bench, job: bench.jobs.remove(job.id),
        lambda bench, job: bench.clock.advance(10.0),
    ],
    ids=["failed", "deleted", "lost its worker"],
)
def test_one_that_comes_to_nothing_is_waited_for_no_more(bench, underway, end):
    bench.on_sleep = [lambda: end(bench, underway)]
    second = _run(bench)
    assert (_spoken(bench), second.output.cached) == (1, False)


def test_who_comes_back_finds_its_successors_audio(bench, underway):
    """The first lost its worker, and the second spoke instead: nobody waits for the other."""
    bench.on_sleep = [lambda: bench.clock.advance(10.0)]
    second = _run(bench)
    assert bench.runner().run(underway.id) is JobStatus.SUCCEEDED
    back = bench.jobs.get(underway.id)
    assert (back.output.cached, back.output.sha256, back.attempt) == (True, second.output.sha256, 2)
    assert _spoken(bench) == 1


def test_a_canceled_job_waits_no_longer(bench, underway):
    second = bench.submit(cache=True)
    cancel = lambda: bench.jobs.replace(  # noqa: E731
        bench.jobs.get(second.id), request_cancel(bench.jobs.get(second.id), bench.clock())
    )
    bench.on_sleep = [cancel]
    assert bench.runner().run(second.id) is JobStatus.CANCELED


def test_a_worker_that_stops_gives_the_waiting_job_back(bench, underway):
    second = bench.submit(cache=True)
    bench.on_sleep = [lambda: setattr(bench, "red", True)]
    assert bench.runner().run(second.id) is JobStatus.QUEUED
    assert bench.jobs.get(second.id).setbacks == 0


def test_an_outage_while_it_is_asked_only_delays(bench):
    _run(bench)
    job = bench.submit(cache=True)
    runner = bench.runner()
    bench.results.down = True
    bench.on_sleep = [lambda: None, lambda: setattr(bench.results, "down", False)]
    assert runner.run(job.id) is JobStatus.SUCCEEDED
    assert bench.jobs.get(job.id).output.cached
