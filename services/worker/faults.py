"""What a job that cannot be finished tells its client."""

from f5_tts_core.errors import TimbreError
from services.shared.errors import BlobNotFound
from services.shared.job import JobFault

WORKER_CRASHED = JobFault(
    type="worker-crashed",
    title="The worker died",
    detail="Every worker that took this job died or lost touch before it was done. It is not tried again.",
)
REFERENCE_GONE = JobFault(
    type=BlobNotFound.type,
    title="The reference audio is gone",
    detail="The reference audio of this job is no longer stored. Submit the request again.",
)
INTERNAL = JobFault(
    type="internal",
    title="Something went wrong on our side",
    detail="The job failed for a reason of ours. The operator finds it in the worker's log under the job's id.",
)


def fault_of(error: Exception) -> JobFault:
    """Our errors speak for themselves; of anybody else's nothing is told."""
    match error:
        case BlobNotFound():
            return REFERENCE_GONE
        case TimbreError():
            return JobFault(type=error.type, title=error.title, detail=str(error))
        case _:
            return INTERNAL
