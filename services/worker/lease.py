"""A running attempt's hold on its job: kept by heartbeats, which also bring the news that it must stop."""

from collections.abc import Callable
from threading import Lock

import structlog

from f5_tts_core.errors import Canceled
from services.shared.errors import LeaseLost, Unavailable
from services.shared.job import Job
from services.shared.ports import Clock, JobStore

logger = structlog.get_logger(__name__)


class Interruption(Exception):
    """Why an attempt ends before its job does, through nobody's fault."""


class Stopping(Interruption):
    """The worker is going down and gives its jobs back."""


class GivingWay(Interruption):
    """Others wait for the worker, and a later attempt goes on where this one was."""


class Overdue(Interruption):
    """The job was to be done by now."""


class Lease:
    """One attempt's lease. The threads that work and the one that keeps it may all use it.

    While the store is away the work goes on: whether the lease was kept is decided when the result is committed,
    by the attempt's number.
    """

    def __init__(
        self,
        jobs: JobStore,
        job: Job,
        *,
        clock: Clock,
        lease_seconds: float,
        heartbeat_seconds: float,
        stopping: Callable[[], bool],
    ) -> None:
        self._jobs = jobs
        self._job = job
        self._clock = clock
        self._lease_seconds = lease_seconds
        self._heartbeat_seconds = heartbeat_seconds
        self._stopping = stopping
        self._progress = 0.0
        self._lost = False
        self._cancel_requested = job.cancel_requested
        self._quiet_until = 0.0
        #: One beat at a time: an older one that comes late would take news back.
        self._beating = Lock()

    def report(self, progress: float) -> None:
        """Note the share of the work done, 0..1, for the next beat to tell."""
        self._progress = progress

    def beat(self) -> None:
        """One round trip to the store, unless it failed to answer a moment ago."""
        with self._beating:
            self._beat(self._clock())

    def _beat(self, now: float) -> None:
        if self._lost or now < self._quiet_until:
            return
        try:
            beat = self._jobs.beat(
                self._job.id, self._job.attempt, progress=self._progress, lease_until=now + self._lease_seconds
            )
        except Unavailable:
            self._quiet_until = self._clock() + self._heartbeat_seconds
            logger.warning("beat_unanswered", **self._job.log_context())
            return
        self._lost = not beat.owned
        self._cancel_requested = self._cancel_requested or beat.cancel_requested

    def interrupted(self) -> bool:
        """Ask the store, and say whether the work is to stop. What the engine polls between solver steps."""
        self.beat()
        return self._lost or self._cancel_requested or self._is_overdue() or self._stopping()

    def check(self) -> None:
        """Ask the store, and raise `LeaseLost`, `Canceled`, `Overdue` or `Stopping` where the work is to stop."""
        if self.interrupted():
            self.explain()

    def explain(self) -> None:
        """Raise what it meant: `LeaseLost`, `Canceled`, `Overdue` or `Stopping`; nothing where it meant to go on."""
        if self._lost:
            raise LeaseLost("Another attempt owns the job, or it is over.")
        if self._cancel_requested:
            raise Canceled("The job was canceled.")
        if self._is_overdue():
            raise Overdue
        if self._stopping():
            raise Stopping

    def _is_overdue(self) -> bool:
        return self._job.is_overdue(self._clock())
