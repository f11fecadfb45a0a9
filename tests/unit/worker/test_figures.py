"""What a worker and the control process show of themselves, and of what waits."""

import pytest

from services.shared.adapters.prometheus_meter import PrometheusMeter
from services.shared.job import JobStatus, claim
from services.shared.lane import Lane
from services.shared.ports import WorkerBeat
from services.shared.priority import Priority
from services.shared.telemetry.observed import observed
from services.shared.testing import make_job, memory_parts
from services.worker.figures import show_worker
from services.worker.gpus import Gpus
from services.worker.queue_figures import show_queue
from services.worker.sweeper import Sweeper
from tests.fakes import pynvml
from tests.figures import figure, samples
from tests.long_text import TEXT
from tests.unit.worker.conftest import Bench


@pytest.fixture
def meter() -> PrometheusMeter:
    return PrometheusMeter("worker", label_values=10)


# --- the worker -------------------------------------------------------------------------------------


def test_steps_of_the_solver_are_counted(bench: Bench, meter: PrometheusMeter) -> None:
    show_worker(observed(bench.parts, meter), bench.engine.tone)
    bench.runner().run(bench.submit(nfe_step=7).id)
    assert figure(meter, "tts_nfe_steps_total") == 7
    assert figure(meter, "tts_batch_forwards_total") == 7
    called = bench.settings.served_model
    assert figure(meter, "tts_worker_info", engine="tone", model=called, device="cpu") == 1
    assert figure(meter, "tts_worker_slots") == bench.settings.max_concurrency
    assert 0 < figure(meter, "tts_model_disk_free_bytes") < figure(meter, "tts_model_disk_size_bytes")


def test_an_engine_that_counts_nothing_is_no_error(bench: Bench, meter: PrometheusMeter) -> None:
    show_worker(observed(bench.parts, meter), bench.engine)
    assert figure(meter, "tts_worker_slots") > 0
    assert b"tts_nfe_steps_total" not in meter.exposition()[0]


def test_attempts_under_way_are_counted(bench: Bench, meter: PrometheusMeter) -> None:
    bench.meter = meter
    during: list[float] = []
    bench.engine.cues[3] = lambda: during.append(figure(meter, "tts_running_jobs"))
    bench.runner().run(bench.submit().id)
    assert during == [1.0]
    assert figure(meter, "tts_running_jobs") == 0


def test_a_streamed_job_is_first_heard_at_its_first_piece(bench: Bench, meter: PrometheusMeter) -> None:
    bench.meter = meter
    job = bench.submit(text="A text of some words.", stream=True)
    bench.engine.cues[1] = lambda: bench.clock.advance(0.5)
    bench.engine.cues[2] = lambda: bench.clock.advance(8.0)
    bench.runner().run(job.id)
    assert figure(meter, "tts_time_to_first_audio_seconds_sum", streamed="true") == 0.5
    assert figure(meter, "tts_time_to_first_audio_seconds_count") == 1
    assert figure(meter, "tts_job_duration_seconds_sum") == 8.5


def first_heard(meter: PrometheusMeter) -> tuple[float, float]:
    """How many streamed jobs were heard, and after how many seconds in all."""
    name = "tts_time_to_first_audio_seconds"
    return figure(meter, f"{name}_count", streamed="true"), figure(meter, f"{name}_sum", streamed="true")


def test_a_long_text_that_is_streamed_is_first_heard_at_its_first_chunk(bench: Bench, meter: PrometheusMeter) -> None:
    bench.meter = meter
    job = bench.submit_long(TEXT, stream=True)

    def advance() -> None:
        bench.clock.advance(0.5)
        if len(bench.engine.requests) == 4:
            bench.red = True  # The worker is stopped, and another one goes on.

    bench.engine.cues = {1: advance}
    assert bench.runner().run(job.id) is JobStatus.QUEUED
    bench.red = False
    assert bench.runner().run(job.id) is JobStatus.SUCCEEDED
    assert first_heard(meter) == (1, 0.5)
    assert figure(meter, "tts_job_duration_seconds_sum") > 2.0

    # What was spoken for another one is heard at once; of a job that is not streamed nothing is before its end.
    for stream in (True, False):
        edited = bench.submit_long(f"{TEXT} And more.", stream=stream, loudness=None if stream else -20.0)
        assert bench.runner().run(edited.id) is JobStatus.SUCCEEDED
    assert first_heard(meter) == (2, 0.5)


@pytest.mark.parametrize(
    ("visible", "shown"), [(None, ["0", "1"]), ("1", ["1"]), ("GPU-0a5c", ["0"]), ("", []), ("7", [])]
)
def test_only_the_gpus_that_the_process_may_use_are_its_own(
    meter: PrometheusMeter, visible: str | None, shown: list[str]
) -> None:
    meter.on_scrape(Gpus(pynvml, visible).figures)
    found = samples(meter.exposition()[0].decode(), "tts_gpu_utilization_ratio")
    assert [labels["gpu"] for labels, _ in found] == shown


def test_what_the_driver_says_is_shown_in_base_units(meter: PrometheusMeter) -> None:
    meter.on_scrape(Gpus(pynvml, "1").figures)
    assert figure(meter, "tts_gpu_utilization_ratio", gpu="1") == pytest.approx(0.41)
    assert figure(meter, "tts_gpu_memory_used_bytes", gpu="1") == 11 * 2**30
    assert figure(meter, "tts_gpu_memory_total_bytes", gpu="1") == 80 * 2**30


# --- what waits ---------------------------------------------------------------------------------------


def test_what_waits_is_shown_by_number_age_and_length(meter: PrometheusMeter) -> None:
    parts = memory_parts()
    now = parts.clock()
    for age, text in ((5.0, "x" * 150), (45.0, "y" * 300)):
        parts.jobs.add(
            make_job(created_at=now - age, text=text, priority=Priority.BULK if age > 10 else Priority.DEFAULT)
        )
    running = make_job(created_at=now - 90.0)
    parts.jobs.add(running)
    parts.jobs.replace(running, claim(running, "worker-1", now, 10.0))
    parts.queue.send("somebody")
    parts.workers.announce(WorkerBeat("worker-1", {}, now, slots=3), 10.0)
    show_queue(observed(parts, meter))
    assert figure(meter, "tts_queue_depth", priority="default") == 1
    assert figure(meter, "tts_jobs", status="queued") == 2
    assert figure(meter, "tts_jobs", status="processing") == 1
    assert figure(meter, "tts_queue_oldest_age_seconds") == pytest.approx(45.0)
    assert figure(meter, "tts_queue_audio_seconds") == pytest.approx(30.0)
    assert figure(meter, "tts_queue_audio_seconds", priority="bulk") == pytest.approx(20.0)
    assert figure(meter, "tts_queue_audio_seconds", priority="interactive") == 0
    assert figure(meter, "tts_ready_workers") == 1
    assert figure(meter, "tts_ready_slots") == 3


def test_each_model_has_its_own_figures(meter: PrometheusMeter) -> None:
    parts = memory_parts(models="base=1,idle=1")
    for model in ("base", "base", "retired", None):
        parts.jobs.add(make_job(text="x" * 150, model=model))
    parts.queue.send("somebody", Lane(model="retired"))
    show_queue(observed(parts, meter))
    seconds = {
        model: figure(meter, "tts_queue_audio_seconds", model=model) for model in ("base", "idle", "retired", "")
    }
    assert seconds == pytest.approx({"base": 20.0, "idle": 0.0, "retired": 10.0, "": 10.0})
    assert figure(meter, "tts_queue_depth", priority="default", model="retired") == 1
    assert figure(meter, "tts_queue_depth", model="idle") == 0
    parts.jobs.down = True  # type: ignore[attr-defined] # The fake's switch.
    shown = meter.exposition()[0].decode()
    assert {labels["model"] for labels, _ in samples(shown, "tts_queue_depth")} == {"", "base", "idle"}


def test_a_model_without_workers_is_shown_with_none(meter: PrometheusMeter) -> None:
    parts = memory_parts(models="base=1,idle=1")
    for worker, model in (("worker-1", "base"), ("worker-2", "base"), ("worker-3", "retired")):
        parts.workers.announce(WorkerBeat(worker, {"served_model": model}, parts.clock(), slots=3), 10.0)
    show_queue(observed(parts, meter))
    ready = {model: figure(meter, "tts_ready_workers", model=model) for model in ("base", "idle", "retired")}
    assert ready == {"base": 2, "idle": 0, "retired": 1}
    assert figure(meter, "tts_ready_slots", model="base") == 6
    assert figure(meter, "tts_ready_slots", model="idle") == 0


def test_speech_of_all_jobs_counts_however_many_there_are_and_unlike_each_other(meter: PrometheusMeter) -> None:
    parts = memory_parts()
    for number in range(1_000):
        parts.jobs.add(make_job(created_at=parts.clock() + number, text="x" * (30 if number < 900 else 300)))
    show_queue(observed(parts, meter))
    assert figure(meter, "tts_queue_audio_seconds") == pytest.approx(3_800.0)


def test_an_empty_queue_shows_zeros(meter: PrometheusMeter) -> None:
    show_queue(observed(memory_parts(), meter))
    for name in ("tts_queue_depth", "tts_queue_oldest_age_seconds", "tts_queue_audio_seconds", "tts_ready_workers"):
        assert samples(meter.exposition()[0].decode(), name)[0][1] == 0.0


def test_a_broker_that_is_away_hides_itself_alone(meter: PrometheusMeter) -> None:
    parts = memory_parts()
    show_queue(observed(parts, meter))
    parts.queue.down = True  # type: ignore[attr-defined] # The fake's switch.
    shown = meter.exposition()[0].decode()
    assert samples(shown, "tts_queue_depth") == []
    assert samples(shown, "tts_jobs") != []
    assert figure(meter, "tts_storage_errors_total", part="queue", error="job-queue-unavailable") >= 1


def test_what_the_sweeper_does_is_counted(bench: Bench, meter: PrometheusMeter) -> None:
    bench.meter = meter
    job = bench.submit()
    bench.jobs.replace(job, claim(job, "worker-dead", bench.clock(), 10.0))
    bench.submit(sent=False)
    bench.clock.advance(20.0)
    Sweeper(bench.parts).sweep()
    assert figure(meter, "tts_swept_jobs_total", deed="recovered") == 1
    assert figure(meter, "tts_swept_jobs_total", deed="enqueued") == 2
    assert figure(meter, "tts_leases_lost_total") == 1
    assert figure(meter, "tts_job_retries_total", reason="setback") == 1
