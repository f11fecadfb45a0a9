"""What waits, and who is there to take it: shown by the control process, once for all."""

from collections.abc import Iterator
from functools import partial

from services.shared.parts import Parts
from services.shared.priority import PRIORITIES
from services.shared.telemetry import metrics
from services.shared.telemetry.metric import Figure


def show_queue(parts: Parts) -> None:
    """Each server's figures on their own: one that is away does not hide the others'."""
    for read in (_broker, _waiting, _workers):
        parts.meter.on_scrape(partial(read, parts))


def _broker(parts: Parts) -> Iterator[Figure]:
    for priority in PRIORITIES:
        yield Figure(metrics.QUEUE_DEPTH, parts.queue.depth(priority), {"priority": str(priority)})


def _waiting(parts: Parts) -> Iterator[Figure]:
    for status, count in parts.jobs.counts().items():
        yield Figure(metrics.JOBS, count, {"status": str(status)})
    ages = [parts.clock() - job.created_at for job in parts.jobs.queued(1)]
    yield Figure(metrics.OLDEST_QUEUED, max([0.0, *ages]))
    for priority, audio_ms in parts.line.backlog_by_priority().items():
        yield Figure(metrics.QUEUED_AUDIO, audio_ms / 1000, {"priority": str(priority)})


def _workers(parts: Parts) -> Iterator[Figure]:
    ready = parts.workers.ready()
    yield Figure(metrics.READY_WORKERS, len(ready))
    yield Figure(metrics.READY_SLOTS, sum(beat.slots for beat in ready))
