"""Where clients find what an answer or a message of ours speaks of."""

from services.shared.job import Job
from services.shared.lifetimes import has_audio
from services.shared.parts import Parts


def problem_path(slug: str) -> str:
    return f"/problems/{slug}"


def result_url(job: Job, parts: Parts) -> str | None:
    """Signed afresh: an answer that was kept for long must not be needed. None where there is no audio, or no more."""
    if job.output is None or not has_audio(job, parts.settings, parts.clock()):
        return None
    filename = f"{job.id}.{job.output.format}"
    return parts.blobs.sign(job.output.key, expires_seconds=parts.settings.result_url_seconds, filename=filename)
