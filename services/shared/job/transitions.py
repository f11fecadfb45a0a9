"""The transitions that a job's state allows.

queued -> processing -> succeeded | failed | canceled | expired
   |          |
   |          +-> queued      (released: graceful stop, transient fault, lapsed lease)
   +-> canceled | expired | failed
"""

from dataclasses import replace

from services.shared.errors import LeaseLost, TransitionRefused
from services.shared.job.record import Job, JobFault, JobOutput, JobStatus


def mark_enqueued(job: Job, now: float) -> Job:
    _require(job, JobStatus.QUEUED)
    return replace(job, enqueued_at=now)


def mark_unsent(job: Job) -> Job:
    """Its message was not sent after all."""
    _require(job, JobStatus.QUEUED)
    return replace(job, enqueued_at=None)


def claim(job: Job, worker: str, now: float, lease_seconds: float) -> Job:
    """Take a queued job, or one whose lease has run out, for a new attempt."""
    lapsed = job.status is JobStatus.PROCESSING and (job.lease_until or 0.0) <= now
    if not lapsed:
        _require(job, JobStatus.QUEUED)
    return replace(
        job,
        status=JobStatus.PROCESSING,
        attempt=job.attempt + 1,
        setbacks=job.setbacks + lapsed,
        worker=worker,
        lease_until=now + lease_seconds,
        started_at=now,
        progress=0.0,
    )


def succeed(job: Job, attempt: int, output: JobOutput, metrics: dict[str, float], now: float) -> Job:
    _require_attempt(job, attempt)
    return replace(_ended(job, JobStatus.SUCCEEDED, now), output=output, metrics=metrics, progress=1.0)


def fail(job: Job, attempt: int, fault: JobFault, now: float) -> Job:
    _require_attempt(job, attempt)
    return replace(_ended(job, JobStatus.FAILED, now), fault=fault)


def release(job: Job, attempt: int, not_before: float, *, setback: bool = False) -> Job:
    """Give a job back unfinished, to be enqueued again at `not_before`."""
    _require_attempt(job, attempt)
    return replace(
        job,
        status=JobStatus.QUEUED,
        setbacks=job.setbacks + setback,
        worker=None,
        lease_until=None,
        enqueued_at=None,
        not_before=not_before,
        progress=0.0,
    )


def request_cancel(job: Job, now: float) -> Job:
    """Cancel a queued job at once; ask the worker of a processing one to stop."""
    if job.status is JobStatus.QUEUED:
        return _ended(job, JobStatus.CANCELED, now)
    if job.status.is_terminal:
        raise TransitionRefused(f"The job has ended: it is {job.status}.")
    return replace(job, cancel_requested=True)


def confirm_cancel(job: Job, attempt: int, now: float) -> Job:
    """What the worker says once it has stopped."""
    _require_attempt(job, attempt)
    return _ended(job, JobStatus.CANCELED, now)


def expire(job: Job, now: float) -> Job:
    """Waited longer than its lifetime in the queue, or its deadline, allows."""
    _require(job, JobStatus.QUEUED)
    return _ended(job, JobStatus.EXPIRED, now)


def confirm_expiry(job: Job, attempt: int, now: float) -> Job:
    """What the worker says that was not done by the deadline."""
    _require_attempt(job, attempt)
    return _ended(job, JobStatus.EXPIRED, now)


def _ended(job: Job, status: JobStatus, now: float) -> Job:
    return replace(job, status=status, completed_at=now, lease_until=None)


def _require(job: Job, status: JobStatus) -> None:
    if job.status is not status:
        raise TransitionRefused(f"The job is {job.status}, not {status}.")


def _require_attempt(job: Job, attempt: int) -> None:
    if job.status is not JobStatus.PROCESSING or job.attempt != attempt:
        raise LeaseLost(f"Attempt {attempt} no longer owns the job ({job.status}, attempt {job.attempt}).")
