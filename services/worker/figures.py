"""What a worker shows of itself to those who look."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from f5_tts_core.engine import AudioCallback, Counting, Engine
from f5_tts_core.manifest import hub_cache
from f5_tts_core.types import Waveform
from services.shared.job import Job
from services.shared.parts import Parts
from services.shared.ports import Meter
from services.shared.settings import Settings
from services.shared.telemetry import metrics
from services.shared.telemetry.metric import Figure
from services.worker.gpus import find_gpus


@contextmanager
def running(meter: Meter) -> Iterator[None]:
    """An attempt is under way meanwhile."""
    meter.count(metrics.RUNNING_JOBS, 1)
    try:
        yield
    finally:
        meter.count(metrics.RUNNING_JOBS, -1)


def note_first_heard(parts: Parts, job: Job) -> None:
    """From now on the beginning of its speech can be heard: by listeners, where it is streamed."""
    if job.input.stream:
        parts.meter.observe(metrics.FIRST_AUDIO_SECONDS, parts.clock() - job.created_at, streamed="true")


def first_heard(parts: Parts, job: Job, send: AudioCallback) -> AudioCallback:
    """`send`, with the moment of the first piece noted."""
    unheard = [job]

    def hear(speech: Waveform) -> None:
        send(speech)
        if unheard:
            note_first_heard(parts, unheard.pop())

    return hear


def show_worker(parts: Parts, engine: Engine) -> None:
    """Once the engine is loaded: what it is, and what it and its machine have done."""
    settings = parts.settings
    info = engine.describe()
    kind = {"engine": info.engine, "device": info.device, "precision": info.precision}
    labels = {"model": settings.served_model, **kind}
    parts.meter.on_scrape(
        lambda: [Figure(metrics.WORKER_INFO, 1, labels), Figure(metrics.WORKER_SLOTS, settings.max_concurrency)]
    )
    parts.meter.on_scrape(lambda: _engine_figures(engine))
    parts.meter.on_scrape(_disk_reader(settings))
    if gpus := find_gpus():
        parts.meter.on_scrape(gpus.figures)


def _engine_figures(engine: Engine) -> Iterator[Figure]:
    if not isinstance(engine, Counting):
        return
    stats = engine.stats
    yield Figure(metrics.NFE_STEPS, stats.rows)
    yield Figure(metrics.FORWARDS, stats.forwards)
    yield Figure(metrics.OUT_OF_MEMORY, stats.out_of_memory)
    yield Figure(metrics.REFERENCE_CACHE, stats.reference_hits, {"outcome": "hit"})
    yield Figure(metrics.REFERENCE_CACHE, stats.reference_misses, {"outcome": "miss"})


def _disk_reader(settings: Settings) -> Callable[[], Iterator[Figure]]:
    models = settings.ckpt_path or hub_cache(settings.engine_config())

    def read() -> Iterator[Figure]:
        usage = shutil.disk_usage(_standing(models.absolute()))
        yield Figure(metrics.MODEL_DISK_FREE, usage.free)
        yield Figure(metrics.MODEL_DISK, usage.total)

    return read


def _standing(path: Path) -> Path:
    """It, or of the folders above it the first that is there."""
    return next(one for one in (path, *path.parents) if one.exists())
