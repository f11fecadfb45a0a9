"""Stopping a job, and taking it away with all its audio."""

from services.shared.errors import StaleJob
from services.shared.job import Job, request_cancel
from services.shared.parts import Parts


def cancel(parts: Parts, job: Job) -> Job:
    """Ask a job to stop: a queued one ends at once. Raises `TransitionRefused` where it has ended already."""
    while True:
        try:
            return parts.jobs.replace(job, request_cancel(job, parts.clock()))
        except StaleJob:
            job = parts.jobs.get(job.id)


def erase(parts: Parts, job: Job) -> None:
    """Audio first, record last: what fails halfway can be asked for again."""
    parts.blobs.delete_prefix(f"inputs/{job.id}/")
    parts.blobs.delete_prefix(f"outputs/{job.id}/")
    parts.jobs.remove(job.id)
