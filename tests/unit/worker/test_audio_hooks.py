"""Audio hooks: on all speech before it is stored or heard."""

from dataclasses import dataclass

import numpy as np
import pytest

from f5_tts_core.audio import decode
from f5_tts_core.types import Waveform
from services.shared.errors import AudioRefused, Unavailable
from services.shared.hooks import HookContext
from services.shared.job import JobStatus, request_cancel
from tests.unit.worker.conftest import Bench


@dataclass
class Squarer:
    """Makes of any speech a square wave of half the level. `cue` is called first."""

    version: str = "1"
    cue: object = None
    owner: str = ""

    def process(self, audio: Waveform, context: HookContext) -> Waveform:
        self.owner = context.owner
        if callable(self.cue):
            self.cue()
        return Waveform(np.where(audio.samples < 0, -0.5, 0.5).astype(np.float32), audio.sample_rate)


class Refuser:
    version = "1"

    def __init__(self, error: Exception) -> None:
        self.error: Exception | None = error

    def process(self, audio: Waveform, _context: HookContext) -> Waveform:
        if self.error is not None:
            raise self.error
        return audio


def _levels(content: bytes) -> set[float]:
    return {round(abs(float(sample)), 2) for sample in decode(content).samples}


def test_what_is_stored_is_what_they_made(bench: Bench) -> None:
    bench.hooks = {"squarer": (hook := Squarer())}
    job = bench.submit(owner="anna")
    assert bench.runner().run(job.id) is JobStatus.SUCCEEDED
    output = bench.jobs.get(job.id).output
    assert output is not None
    assert _levels(bench.blobs.get(output.key)) == {0.5}
    assert output.peak_dbfs == pytest.approx(-6.02, abs=0.01)
    assert hook.owner == "anna"


def test_what_the_client_asked_for_is_done_to_what_they_made(bench: Bench) -> None:
    bench.hooks = {"squarer": Squarer()}
    job = bench.submit(loudness=-23.0, sample_rate=48_000)
    assert bench.runner().run(job.id) is JobStatus.SUCCEEDED
    output = bench.jobs.get(job.id).output
    assert output is not None
    assert output.loudness_lufs == pytest.approx(-23.0, abs=0.3)
    assert output.sample_rate == 48_000


def test_a_stream_is_held_until_they_are_done(bench: Bench) -> None:
    heard: list[int] = []

    def pieces() -> list[bytes]:
        return [piece.samples for piece in bench.audio.read(job.id, 1, after=0, limit=1_000)]

    bench.hooks = {"squarer": Squarer(cue=lambda: heard.append(len(pieces())))}
    job = bench.submit(text="Some words to be heard.", stream=True)
    assert bench.runner().run(job.id) is JobStatus.SUCCEEDED
    assert heard == [0]
    *spoken, end = pieces()
    assert end == b""
    samples = np.frombuffer(b"".join(spoken), "<i2")
    assert set(np.abs(samples)) == {16_384}
    output = bench.jobs.get(job.id).output
    assert output is not None
    assert len(samples) == round(output.duration_seconds * output.sample_rate)


def test_a_refusal_fails_the_job_and_lets_nothing_out(bench: Bench) -> None:
    bench.hooks = {"refuser": Refuser(AudioRefused("Nobody may hear this."))}
    job = bench.submit(stream=True)
    assert bench.runner().run(job.id) is JobStatus.FAILED
    fault = bench.jobs.get(job.id).fault
    assert fault is not None
    assert (fault.type, fault.detail) == ("audio-refused", "Nobody may hear this.")
    assert bench.outputs() == []
    assert bench.audio.read(job.id, 1, after=0, limit=10) == []


def test_what_they_need_and_is_away_delays_the_job(bench: Bench) -> None:
    bench.hooks = {"refuser": (refuser := Refuser(Unavailable("The judge is away.")))}
    job = bench.submit()
    assert bench.runner().run(job.id) is JobStatus.QUEUED
    refuser.error = None
    bench.clock.advance(60)
    assert bench.runner().run(job.id) is JobStatus.SUCCEEDED


def test_one_that_breaks_is_our_fault_and_tells_nobody_how(bench: Bench) -> None:
    bench.hooks = {"refuser": Refuser(ValueError("a secret"))}
    job = bench.submit()
    assert bench.runner().run(job.id) is JobStatus.FAILED
    fault = bench.jobs.get(job.id).fault
    assert fault is not None
    assert fault.type == "internal"
    assert "secret" not in fault.detail


def test_a_cancellation_is_noticed_between_them(bench: Bench) -> None:
    def cancel() -> None:
        current = bench.jobs.get(job.id)
        bench.jobs.replace(current, request_cancel(current, bench.clock()))
        # So that the next look at the lease asks the store.
        bench.clock.advance(bench.settings.heartbeat_seconds)

    last = Squarer()
    bench.hooks = {"first": Squarer(cue=cancel), "second": last}
    job = bench.submit(owner="anna")
    assert bench.runner().run(job.id) is JobStatus.CANCELED
    assert last.owner == ""


def test_results_are_shared_by_those_with_the_same_hooks_alone(bench: Bench) -> None:
    def speak() -> bool:
        job = bench.submit(cache=True)
        assert bench.runner().run(job.id) is JobStatus.SUCCEEDED
        output = bench.jobs.get(job.id).output
        assert output is not None
        return output.cached

    assert [speak(), speak()] == [False, True]
    bench.hooks = {"squarer": Squarer()}
    assert [speak(), speak()] == [False, True]
    bench.hooks = {"squarer": Squarer(version="2")}
    assert [speak(), speak()] == [False, True]
    bench.hooks = {}
    assert speak()
