"""What becomes of a job whose attempt did not finish."""

from f5_tts_core.errors import Canceled, EngineError
from services.shared.errors import LeaseLost, Unavailable
from services.shared.job import Job, confirm_cancel, confirm_expiry, fail, release
from services.worker.faults import fault_of
from services.worker.lease import GivingWay, Overdue, Stopping
from services.worker.retry import backoff_seconds

#: An engine that failed twice on one job will fail a third time.
_ENGINE_TRIES = 2


def verdict(job: Job, attempt: int, error: Exception, *, now: float, max_attempts: int) -> Job:
    """The job as `error` leaves it: canceled, expired, given back, rested and tried again, or failed for good.

    Raises `LeaseLost` where `attempt` no longer owns the job.
    """
    if job.cancel_requested or isinstance(error, Canceled):
        return confirm_cancel(job, attempt, now)
    match error:
        case LeaseLost():
            raise error
        case Overdue():
            return confirm_expiry(job, attempt, now)
        case Stopping() | GivingWay():
            return release(job, attempt, not_before=now)
        case Unavailable() | EngineError() if job.setbacks + 1 < _tries(error, max_attempts):
            return release(job, attempt, not_before=now + backoff_seconds(job.setbacks + 1), setback=True)
        case _:
            return fail(job, attempt, fault_of(job, error), now)


def _tries(error: Exception, max_attempts: int) -> int:
    return min(_ENGINE_TRIES, max_attempts) if isinstance(error, EngineError) else max_attempts
