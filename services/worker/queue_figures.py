"""What waits, and who is there to take it: shown by the control process, once for all."""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Final

from services.shared.job import Job, JobStatus
from services.shared.pace import speech_seconds
from services.shared.parts import Parts
from services.shared.priority import PRIORITIES
from services.shared.telemetry import metrics
from services.shared.telemetry.metric import Figure

#: Waiting jobs that are looked at; from their texts those of the others are estimated.
_SAMPLE: Final = 500


def show_queue(parts: Parts) -> None:
    """Each server's figures on their own: one that is away does not hide the others'."""
    for read in (_broker, _waiting, _workers):
        parts.meter.on_scrape(partial(read, parts))


def _broker(parts: Parts) -> Iterator[Figure]:
    for priority in PRIORITIES:
        yield Figure(metrics.QUEUE_DEPTH, parts.queue.depth(priority), {"priority": str(priority)})


def _waiting(parts: Parts) -> Iterator[Figure]:
    counts, sample = parts.jobs.counts(), parts.jobs.queued(_SAMPLE)
    for status, count in counts.items():
        yield Figure(metrics.JOBS, count, {"status": str(status)})
    yield Figure(metrics.OLDEST_QUEUED, max(0.0, parts.clock() - sample[0].created_at) if sample else 0.0)
    yield from _audio(sample, counts[JobStatus.QUEUED])


def _audio(sample: Sequence[Job], count: int) -> Iterator[Figure]:
    """Seconds that `count` jobs will make which are like those of the sample."""
    scale = max(count, len(sample)) / len(sample) if sample else 0.0
    for priority in PRIORITIES:
        seconds = sum(speech_seconds(job.input) for job in sample if job.priority is priority)
        yield Figure(metrics.QUEUED_AUDIO, scale * seconds, {"priority": str(priority)})


def _workers(parts: Parts) -> Iterator[Figure]:
    ready = parts.workers.ready()
    yield Figure(metrics.READY_WORKERS, len(ready))
    yield Figure(metrics.READY_SLOTS, sum(beat.slots for beat in ready))
