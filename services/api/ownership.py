"""Whose job or batch it is. To everybody else it does not exist."""

from services.api.state import ApiState
from services.shared.batch import Batch
from services.shared.errors import BatchNotFound, JobNotFound
from services.shared.job import Job


def own_job(state: ApiState, caller: str, job_id: str) -> Job:
    """Somebody else's job answers as one that never was, to the letter: `JobNotFound`. Blocking."""
    try:
        job = state.parts.jobs.get(job_id)
    except JobNotFound:
        job = None
    if job is None or job.owner != caller:
        raise JobNotFound("You have no job of this id.")
    return job


def own_batch(state: ApiState, caller: str, batch_id: str) -> Batch:
    """As `own_job`: `BatchNotFound`. Blocking."""
    try:
        batch = state.parts.batches.get(batch_id)
    except BatchNotFound:
        batch = None
    if batch is None or batch.owner != caller:
        raise BatchNotFound("You have no batch of this id.")
    return batch
