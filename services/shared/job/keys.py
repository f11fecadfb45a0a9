"""Where the things of a job lie in the blob store."""

from typing import Final

from f5_tts_core.formats import AudioFormat
from services.shared.job.record import Job

#: Before the keys of all references that are a job's own, and of all finished audio.
INPUTS: Final = "inputs/"
OUTPUTS: Final = "outputs/"


def reference_key(holder_id: str) -> str:
    """Where the recording lies that came with a job, or with a batch for all of its jobs."""
    return f"{input_prefix(holder_id)}reference"


def sample_copy_key(holder_id: str) -> str:
    """Where the bundled voice's recording lies for a job, or for those of a batch's jobs that are spoken in it."""
    return f"{input_prefix(holder_id)}sample"


def text_key(job_id: str) -> str:
    """Where a long text lies, as UTF-8."""
    return f"{input_prefix(job_id)}text"


def input_prefix(holder_id: str) -> str:
    """Before the keys of all that a job or batch was sent along with."""
    return f"{INPUTS}{holder_id}/"


def output_prefix(job_id: str) -> str:
    """Before the keys of all that a job's attempts made."""
    return f"{OUTPUTS}{job_id}/"


def own_inputs(job: Job) -> set[str]:
    """The keys of what goes with the job: its long text, and references that are no stored voice's, nor its batch's."""
    references = {job.input.reference_key, *(speaker.reference_key for speaker in job.input.speakers)}
    own = {key for key in references if key.startswith(input_prefix(job.id))}
    return own | {text_key(job.id)} if job.input.long else own


def output_key(job_id: str, attempt: int, audio_format: AudioFormat) -> str:
    """One key an attempt, so that an attempt that lost its lease cannot overwrite the winner's audio."""
    return f"{output_prefix(job_id)}{attempt}.{audio_format}"
