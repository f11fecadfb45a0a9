"""Deleting audio that no job needs any more. Best effort: what stays goes with the job's own deletion."""

import structlog

from services.shared.chunks import chunk_prefix
from services.shared.errors import JobNotFound, Unavailable
from services.shared.inputs import drop_inputs
from services.shared.job import Job, output_key
from services.shared.parts import Parts

logger = structlog.get_logger(__name__)


def close(parts: Parts, job: Job) -> None:
    """Leave of an ended job its output alone: neither what came with it and nobody needs, nor other attempts' audio."""
    kept = job.output.key if job.output else None
    keys = [output_key(job.id, attempt, job.input.format) for attempt in range(1, job.attempt + 1)]
    _delete(parts, [key for key in keys if key != kept])
    drop_inputs(parts, job)


def discard_attempt(parts: Parts, job: Job) -> None:
    """Delete what this attempt may have uploaded, unless it was committed after all by a try without an answer.

    Chunks stay for the next attempt, unless the job was deleted.
    """
    key = output_key(job.id, job.attempt, job.input.format)
    try:
        output = parts.jobs.get(job.id).output
    except JobNotFound:
        output = None
        _forget_chunks(parts, job)
    except Unavailable:
        logger.warning("audio_left_behind", keys=[key])
        return
    if output is None or output.key != key:
        _delete(parts, [key])


def _forget_chunks(parts: Parts, job: Job) -> None:
    try:
        parts.blobs.delete_prefix(chunk_prefix(job.id))
    except Unavailable:
        logger.warning("audio_left_behind", job_id=job.id)


def _delete(parts: Parts, keys: list[str]) -> None:
    try:
        for key in keys:
            parts.blobs.delete(key)
    except Unavailable:
        logger.warning("audio_left_behind", keys=keys)
