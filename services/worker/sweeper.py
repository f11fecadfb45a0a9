"""The control process's use case: find jobs that nobody works on, and see that somebody does."""

from collections import Counter
from collections.abc import Callable, Iterable
from math import inf
from typing import Final

import structlog

from services.shared.errors import JobNotFound, LeaseLost, StaleJob, TransitionRefused
from services.shared.job import Job, confirm_cancel, expire, fail, release
from services.shared.parts import Parts
from services.shared.priority import Priority
from services.shared.telemetry import metrics
from services.worker.cleaning import close
from services.worker.dispatch import enqueue
from services.worker.faults import WORKER_CRASHED

logger = structlog.get_logger(__name__)

#: Jobs of each kind looked at in one sweep; the rest wait for the next.
_BATCH: Final = 1_000
#: For so long after a job was written, its message may still be on its way from the API.
_API_SECONDS: Final = 1.0


class Sweeper:
    """Several may run at once: every change is a compare-and-set, and a message sent twice means nothing."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._settings = parts.settings

    def sweep(self) -> Counter[str]:
        """How many jobs were recovered, enqueued, resent, canceled, failed and expired.

        Raises `Unavailable`; what was left undone is found by the next sweep.
        """
        done: Counter[str] = Counter()
        self._each(self._parts.jobs.lapsed(self._parts.clock(), _BATCH), self._recover, done)
        self._parts.meter.count(metrics.LEASES_LOST, done.total())
        queued = self._parts.jobs.queued(_BATCH)
        lost_before = {one: self._lost_before(one, queued) for one in Priority}
        self._each(queued, lambda job: self._forward(job, lost_before[job.priority]), done)
        if done:
            logger.info("swept", **done)
        return done

    def _each(self, jobs: Iterable[Job], act: Callable[[Job], str | None], done: Counter[str]) -> None:
        for job in jobs:
            with structlog.contextvars.bound_contextvars(**job.log_ids(), attempt=job.attempt):
                self._look_after(job, act, done)

    def _look_after(self, job: Job, act: Callable[[Job], str | None], done: Counter[str]) -> None:
        try:
            deed = act(job)
        except (StaleJob, JobNotFound, TransitionRefused, LeaseLost):
            return  # Somebody was quicker, and the job needs us no more.
        if deed:
            logger.info("job_swept", deed=deed)
            done[deed] += 1
            self._parts.meter.count(metrics.SWEPT, deed=deed)

    # --- jobs whose worker died -------------------------------------------------------------------

    def _recover(self, job: Job) -> str:
        now = self._parts.clock()
        if job.cancel_requested:
            self._end(job, confirm_cancel(job, job.attempt, now))
            return "canceled"
        if job.setbacks + 1 >= self._settings.max_attempts:
            self._end(job, fail(job, job.attempt, WORKER_CRASHED, now))
            return "failed"
        enqueue(self._parts, self._parts.jobs.replace(job, release(job, job.attempt, now, setback=True)))
        return "recovered"

    # --- jobs that wait ---------------------------------------------------------------------------

    def _forward(self, job: Job, lost_before: float) -> str | None:
        now = self._parts.clock()
        if now - job.created_at > self._settings.queue_ttl_seconds:
            self._end(job, expire(job, now))
            return "expired"
        if job.enqueued_at is None:
            if max(job.not_before, job.created_at + _API_SECONDS) > now:
                return None
            enqueue(self._parts, job)
            return "enqueued"
        if job.enqueued_at < lost_before:
            enqueue(self._parts, job)
            return "resent"
        return None

    def _lost_before(self, priority: Priority, queued: Iterable[Job]) -> float:
        """Queued jobs sent before this moment have no message any more: a killed worker or broker took it along.

        With the priority's queue empty, that is every job sent long enough ago. Else the queue is first in, first
        out: jobs sent well before one that is being worked on were passed over.
        """
        long_ago = self._parts.clock() - self._settings.resend_seconds
        if not any(sent < long_ago for sent in _sent(priority, queued)):
            return -inf
        if self._parts.queue.depth(priority) == 0:
            return long_ago
        taken = _sent(priority, self._parts.jobs.lapsed(inf, _BATCH))
        return min(long_ago, max(taken, default=-inf) - self._settings.resend_seconds)

    def _end(self, job: Job, ended: Job) -> None:
        close(self._parts, self._parts.jobs.replace(job, ended))


def _sent(priority: Priority, jobs: Iterable[Job]) -> list[float]:
    """When those of this priority were sent that were."""
    return [job.enqueued_at for job in jobs if job.priority is priority and job.enqueued_at is not None]
