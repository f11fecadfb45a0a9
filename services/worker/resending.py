"""Sending a queued job's message once more."""

from services.shared.errors import JobNotFound, StaleJob, TransitionRefused
from services.shared.job import Job, mark_enqueued
from services.shared.parts import Parts


def resend(parts: Parts, job: Job) -> None:
    """Send, then note when. A crash in between sends twice, which is harmless; the other way round delays the job.

    Raises `Unavailable`.
    """
    parts.queue.send(job.id, job.lane, traceparent=job.traceparent)
    try:
        parts.jobs.replace(job, mark_enqueued(job, parts.clock()))
    except (StaleJob, JobNotFound, TransitionRefused):
        return  # Taken, canceled or deleted meanwhile: there is nothing left to note.
