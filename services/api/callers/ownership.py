"""Whose job or batch it is. To everybody else it does not exist."""

from services.api.callers.owned import own
from services.api.state import ApiState
from services.shared.batch import Batch
from services.shared.errors import BatchNotFound, JobNotFound
from services.shared.job import Job


def own_job(state: ApiState, caller: str, job_id: str) -> Job:
    """Raises `JobNotFound`. Blocking."""
    return own(state.parts.jobs.get, job_id, caller, JobNotFound("You have no job of this id."))


def own_batch(state: ApiState, caller: str, batch_id: str) -> Batch:
    """Raises `BatchNotFound`. Blocking."""
    return own(state.parts.batches.get, batch_id, caller, BatchNotFound("You have no batch of this id."))
