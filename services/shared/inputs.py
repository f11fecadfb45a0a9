"""What came with a request, once nobody needs it any more."""

import structlog

from services.shared.errors import BatchNotFound, Unavailable
from services.shared.job import Job, own_reference, reference_key, text_key
from services.shared.parts import Parts

logger = structlog.get_logger(__name__)


def drop_inputs(parts: Parts, job: Job) -> None:
    """Delete the long text and the recording of a job that has ended or is gone; its batch's after the last of them.

    Best effort: what stays goes with the job's or the batch's own deletion.
    """
    try:
        if job.input.long:
            parts.blobs.delete(text_key(job.id))
        key = _spent(parts, job)
        if key is not None:
            parts.blobs.delete(key)
    except Unavailable as error:
        logger.warning("inputs_left", job_id=job.id, error=error.type)


def _spent(parts: Parts, job: Job) -> str | None:
    """None where it is needed still, or a stored voice's, which stays."""
    if job.batch_id is None or job.input.reference_key != reference_key(job.batch_id):
        return own_reference(job)
    try:
        over = parts.batches.get(job.batch_id).is_over
    except BatchNotFound:
        return None  # Deleted with the batch.
    return job.input.reference_key if over else None
