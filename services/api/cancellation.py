"""Stopping a job, and taking it away with all its audio."""

import structlog

from services.shared.errors import StaleJob, Unavailable
from services.shared.job import Job, input_prefix, output_prefix, own_reference, request_cancel
from services.shared.parts import Parts

log = structlog.get_logger(__name__)


def cancel(parts: Parts, job: Job) -> Job:
    """Ask a job to stop: a queued one ends at once. Raises `TransitionRefused` where it has ended already."""
    while True:
        try:
            asked = parts.jobs.replace(job, request_cancel(job, parts.clock()))
        except StaleJob:
            job = parts.jobs.get(job.id)
        else:
            break
    if asked.status.is_terminal:
        _delete_reference(parts, asked)
    return asked


def _delete_reference(parts: Parts, job: Job) -> None:
    """No worker will ever do it: the job never had one."""
    reference = own_reference(job)
    if reference is None:
        return
    try:
        parts.blobs.delete(reference)
    except Unavailable as error:
        log.warning("cancellation.reference_left", job_id=job.id, error=error.type)


def erase(parts: Parts, job: Job) -> None:
    """Audio first, record last: what fails halfway can be asked for again."""
    parts.blobs.delete_prefix(input_prefix(job.id))
    parts.blobs.delete_prefix(output_prefix(job.id))
    parts.jobs.remove(job.id)
