"""The control process's use case: find jobs that nobody works on, and see that somebody does."""

from collections import Counter
from collections.abc import Callable, Iterable
from math import inf
from typing import Final

import structlog

from services.shared.dispatch import dispatch
from services.shared.errors import JobNotFound, LeaseLost, StaleJob, TransitionRefused
from services.shared.job import Job, confirm_cancel, confirm_expiry, expire, fail, release
from services.shared.lane import Lane
from services.shared.parts import Parts
from services.shared.telemetry import metrics
from services.worker.cleaning import close
from services.worker.faults import WORKER_CRASHED
from services.worker.resending import resend

logger = structlog.get_logger(__name__)

#: Jobs of each kind looked at in one sweep; the rest wait for the next.
_BATCH: Final = 1_000
#: Of the longest waiting ones, so many are looked at: whether they have waited too long.
_OLDEST: Final = 100
#: So many are looked at whether they stand nowhere, and the next ones in the next sweep: few, since the store does
#: nothing else meanwhile.
_WALKED: Final = 500


class Sweeper:
    """Several may run at once: every change is a compare-and-set, and a message sent twice means nothing."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._settings = parts.settings
        #: How many queued jobs, the oldest first, were looked at whether they stand nowhere.
        self._walked = 0

    def sweep(self) -> Counter[str]:
        """How many jobs were recovered, enqueued, resent, repaired, canceled, failed and expired.

        Raises `Unavailable`; what was left undone is found by the next sweep.
        """
        done: Counter[str] = Counter()
        now = self._parts.clock()
        self._each(self._parts.jobs.lapsed(now, _BATCH), self._recover, done)
        self._parts.meter.count(metrics.LEASES_LOST, done.total())
        self._each(self._parts.jobs.overdue(now, _BATCH), self._expire, done)
        self._each(self._outlived(now), self._expire, done)
        self._each(self._lost(now - self._settings.resend_seconds), self._resend, done)
        self._repair(now, done)
        self._note("enqueued", dispatch(self._parts), done)
        if done:
            logger.info("swept", **done)
        return done

    def _each(self, jobs: Iterable[Job], act: Callable[[Job], str], done: Counter[str]) -> None:
        for job in jobs:
            with structlog.contextvars.bound_contextvars(**job.log_ids(), attempt=job.attempt):
                self._look_after(job, act, done)

    def _look_after(self, job: Job, act: Callable[[Job], str], done: Counter[str]) -> None:
        try:
            deed = act(job)
        except (StaleJob, JobNotFound, TransitionRefused, LeaseLost):
            return  # Somebody was quicker, and the job needs us no more.
        logger.info("job_swept", deed=deed)
        self._note(deed, 1, done)

    def _note(self, deed: str, count: int, done: Counter[str]) -> None:
        if count:
            done[deed] += count
            self._parts.meter.count(metrics.SWEPT, count, deed=deed)

    # --- jobs whose worker died -------------------------------------------------------------------

    def _recover(self, job: Job) -> str:
        now = self._parts.clock()
        if job.cancel_requested:
            self._end(job, confirm_cancel(job, job.attempt, now))
            return "canceled"
        if job.setbacks + 1 >= self._settings.max_attempts:
            self._end(job, fail(job, job.attempt, WORKER_CRASHED, now))
            return "failed"
        if job.is_overdue(now):
            self._end(job, confirm_expiry(job, job.attempt, now))
            return "expired"
        self._parts.jobs.replace(job, release(job, job.attempt, now, setback=True))
        return "recovered"

    # --- jobs that stand nowhere ------------------------------------------------------------------

    def _repair(self, now: float, done: Counter[str]) -> None:
        """A piece a sweep. Who is passed over, since others before it left meanwhile, is seen on the next walk."""
        found = self._parts.line.repair(now, self._walked, _WALKED)
        self._walked = found.next_start
        self._note("repaired", found.jobs, done)

    # --- jobs that wait ---------------------------------------------------------------------------

    def _outlived(self, now: float) -> list[Job]:
        longest_waiting = self._parts.jobs.queued(_OLDEST)
        return [job for job in longest_waiting if now - job.created_at > self._settings.queue_ttl_seconds]

    def _expire(self, job: Job) -> str:
        self._end(job, expire(job, self._parts.clock()))
        return "expired"

    def _resend(self, job: Job) -> str:
        resend(self._parts, job)
        return "resent"

    def _lost(self, long_ago: float) -> list[Job]:
        """Jobs whose message is gone: a killed worker or broker took it along, or its sender died before it was sent.

        With the lane's queue empty, those are all that were sent long enough ago. Else the queue is first in,
        first out: jobs sent well before one that is being worked on were passed over.
        """
        waiting = self._parts.line.sent(long_ago)
        if not waiting:
            return []
        running = self._parts.jobs.lapsed(inf, _BATCH)
        bounds = {lane: self._lost_before(lane, long_ago, running) for lane in {job.lane for job in waiting}}
        return [job for job in waiting if (job.enqueued_at or 0.0) < bounds[job.lane]]

    def _lost_before(self, lane: Lane, long_ago: float, running: Iterable[Job]) -> float:
        if self._parts.queue.depth([lane]) == 0:
            return long_ago
        taken = [job.enqueued_at or 0.0 for job in running if job.lane == lane]
        return min(long_ago, max(taken, default=-inf) - self._settings.resend_seconds)

    def _end(self, job: Job, ended: Job) -> None:
        close(self._parts, self._parts.jobs.replace(job, ended))
