"""What a job that cannot be finished tells its client."""

from f5_tts_core.errors import TimbreError
from services.shared.errors import BlobNotFound, VoiceNotFound
from services.shared.job import Job, JobFault

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
VOICE_GONE = JobFault(
    type=VoiceNotFound.type,
    title="The voice was deleted",
    detail="The voice of this job was deleted before the job was spoken. Submit the text again with another voice.",
)
INTERNAL = JobFault(
    type="internal",
    title="Something went wrong on our side",
    detail="The job failed for a reason of ours. The operator finds it in the worker's log under the job's id.",
)


def fault_of(job: Job, error: Exception) -> JobFault:
    """Our errors speak for themselves; of anybody else's nothing is told."""
    match error:
        case BlobNotFound():
            return VOICE_GONE if job.input.voice_id or job.input.speakers else REFERENCE_GONE
        case TimbreError():
            return JobFault(type=error.type, title=error.title, detail=str(error))
        case _:
            return INTERNAL
