"""What waits, and who is there to take it: shown by the control process, once for all."""

from collections.abc import Iterator
from contextlib import suppress
from functools import partial

from services.shared.errors import Unavailable
from services.shared.lane import Lane, lanes_of
from services.shared.parts import Parts
from services.shared.telemetry import metrics
from services.shared.telemetry.metric import Figure


def show_queue(parts: Parts) -> None:
    """Each server's figures on their own: one that is away does not hide the others'."""
    for read in (_broker, _waiting, _workers):
        parts.meter.on_scrape(partial(read, parts))


def _broker(parts: Parts) -> Iterator[Figure]:
    lanes = dict.fromkeys(_named(parts))
    with suppress(Unavailable):
        lanes |= dict.fromkeys(parts.line.lanes())
    for lane in lanes:
        yield Figure(metrics.QUEUE_DEPTH, parts.queue.depth([lane]), _labels(lane))


def _waiting(parts: Parts) -> Iterator[Figure]:
    for status, count in parts.jobs.counts().items():
        yield Figure(metrics.JOBS, count, {"status": str(status)})
    ages = [parts.clock() - job.created_at for job in parts.jobs.queued(1)]
    yield Figure(metrics.OLDEST_QUEUED, max([0.0, *ages]))
    backlog = {**dict.fromkeys(_named(parts), 0), **parts.line.backlog_by_lane()}
    for lane, audio_ms in backlog.items():
        yield Figure(metrics.QUEUED_AUDIO, audio_ms / 1000, _labels(lane))


def _workers(parts: Parts) -> Iterator[Figure]:
    """Of every model that is named or there; one figure without a model where neither is."""
    slots: dict[str, list[int]] = {model: [] for model in parts.settings.models}
    for beat in parts.workers.ready():
        slots.setdefault(beat.model, []).append(beat.slots)
    for model, those in (slots or {"": []}).items():
        yield Figure(metrics.READY_WORKERS, len(those), {"model": model})
        yield Figure(metrics.READY_SLOTS, sum(those), {"model": model})


def _named(parts: Parts) -> tuple[Lane, ...]:
    """The lanes that there are by the settings, also while nothing waits there."""
    return lanes_of([None, *parts.settings.models])


def _labels(lane: Lane) -> dict[str, str]:
    return {"priority": str(lane.priority), "model": lane.model or ""}
