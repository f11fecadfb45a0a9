"""Whose job it is. To everybody else it does not exist."""

from services.api.state import ApiState
from services.shared.errors import JobNotFound
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
