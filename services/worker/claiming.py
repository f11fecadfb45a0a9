"""Taking a job off the queue: decides what a delivered message still means."""

import structlog

from services.shared.errors import JobNotFound, TransitionRefused
from services.shared.job import Job, JobStatus, claim, confirm_cancel, confirm_expiry, expire, fail
from services.shared.parts import Parts
from services.worker.amending import amend
from services.worker.faults import WORKER_CRASHED

logger = structlog.get_logger(__name__)


def take(parts: Parts, job_id: str, worker: str) -> Job | None:
    """The job as it now is: processing and ours, or ended and to be closed. None where the message means nothing more.

    Messages come at least once, so a job that is over, gone or in other hands is no error. Raises `Unavailable`.
    """
    try:
        job = parts.jobs.get(job_id)
        if job.status is JobStatus.CANCELED:
            return job  # While it waited: nobody has closed it yet.
        return amend(parts.jobs, job, lambda current: _taken(current, parts, worker))
    except (JobNotFound, TransitionRefused) as reason:
        logger.info("delivery_ignored", job_id=job_id, reason=reason.type)
        return None


def _taken(job: Job, parts: Parts, worker: str) -> Job:
    now = parts.clock()
    waited = now - job.created_at
    if job.status is JobStatus.QUEUED and (job.is_overdue(now) or waited > parts.settings.queue_ttl_seconds):
        return expire(job, now)
    claimed = claim(job, worker, now, parts.settings.lease_seconds)
    if claimed.cancel_requested:
        return confirm_cancel(claimed, claimed.attempt, now)
    if claimed.is_overdue(now):
        return confirm_expiry(claimed, claimed.attempt, now)
    if claimed.setbacks >= parts.settings.max_attempts:
        return fail(claimed, claimed.attempt, WORKER_CRASHED, now)
    return claimed
