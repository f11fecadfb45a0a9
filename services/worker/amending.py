"""Changing a job that others may change at the same moment."""

from collections.abc import Callable

from services.shared.errors import StaleJob
from services.shared.job import Job
from services.shared.ports import JobStore


def amend(jobs: JobStore, job: Job, change: Callable[[Job], Job]) -> Job:
    """Store `change(job)`; where the job changed meanwhile, read it again and decide again.

    `change` refuses by raising `TransitionRefused` or `LeaseLost`, which pass through, as does `JobNotFound`.
    """
    while True:
        try:
            return jobs.replace(job, change(job))
        except StaleJob:
            job = jobs.get(job.id)
