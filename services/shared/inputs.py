"""What came with a request, once nobody needs it any more."""

import structlog

from services.shared.errors import BatchNotFound, Unavailable
from services.shared.job import Job, input_prefix, own_inputs
from services.shared.parts import Parts

logger = structlog.get_logger(__name__)


def drop_inputs(parts: Parts, job: Job) -> None:
    """Delete the long text and the recordings of a job that has ended or is gone; its batch's after the last of them.

    Best effort: what stays goes with the job's or the batch's own deletion.
    """
    try:
        for key in own_inputs(job):
            parts.blobs.delete(key)
        if job.batch_id and _is_spent(parts, job, job.batch_id):
            parts.blobs.delete_prefix(input_prefix(job.batch_id))
    except Unavailable as error:
        logger.warning("inputs_left", job_id=job.id, error=error.type)


def _is_spent(parts: Parts, job: Job, batch_id: str) -> bool:
    """Whether the job's reference came with its batch, and none of that one's jobs needs it any more."""
    if not job.input.reference_key.startswith(input_prefix(batch_id)):
        return False
    try:
        return parts.batches.get(batch_id).is_over
    except BatchNotFound:
        return False  # Deleted with the batch.
