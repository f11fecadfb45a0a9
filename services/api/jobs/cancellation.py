"""Stopping a job, and taking it away with all its audio."""

from contextlib import suppress

from services.shared.errors import JobNotFound, StaleJob, TransitionRefused, Unavailable
from services.shared.inputs import drop_inputs
from services.shared.job import Job, input_prefix, output_prefix, request_cancel
from services.shared.parts import Parts


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
        # No worker will ever do it: the job never had one.
        drop_inputs(parts, asked)
    return asked


def abandon(parts: Parts, job: Job) -> None:
    """Stop a job that nobody waits for any more, as far as that can be done."""
    # Ended or deleted meanwhile: all the better. A store that is away: it is spoken for nobody.
    with suppress(TransitionRefused, JobNotFound, Unavailable):
        cancel(parts, job)


def erase(parts: Parts, job: Job) -> None:
    """Audio first, record last: what fails halfway can be asked for again."""
    parts.blobs.delete_prefix(input_prefix(job.id))
    parts.blobs.delete_prefix(output_prefix(job.id))
    parts.audio.drop(job.id, job.attempt)
    parts.jobs.remove(job.id)
    if job.batch_id is not None:
        drop_inputs(parts, job)
