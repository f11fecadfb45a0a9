"""How long finished audio is there."""

from services.shared.job import Job
from services.shared.settings import Settings


def audio_expires_at(job: Job, settings: Settings) -> float | None:
    """From when on a job's audio is there no more; None where it has none.

    What was promised when the job ended holds, unless lifetimes were shortened since: to lengthen them brings
    nothing back, and to shorten them is to hold for what is there.
    """
    if job.output is None or job.completed_at is None:
        return None
    latest = job.completed_at + settings.audio_seconds
    return latest if job.output.expires_at is None else min(job.output.expires_at, latest)


def has_audio(job: Job, settings: Settings, now: float) -> bool:
    expires_at = audio_expires_at(job, settings)
    return expires_at is not None and now < expires_at
