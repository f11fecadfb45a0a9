"""What every route that speaks has in common: a checked request becomes a job, and a finished job its audio."""

from collections.abc import Mapping

import anyio.to_thread
from fastapi import Request, Response
from starlette.concurrency import run_in_threadpool

from f5_tts_core.formats import FORMATS
from services.api.errors import AudioNotReady, JobFailed
from services.api.form import SpeechForm
from services.api.spool import Upload
from services.api.state import ApiState
from services.shared.job import Job, JobOutput
from services.shared.voice import Voice

#: The audio that such a route answers, for its `responses`.
AUDIO_CONTENT = {one.content_type: {"schema": {"type": "string", "format": "binary"}} for one in FORMATS.values()}


async def submit(request: Request, state: ApiState, caller: str, fields: SpeechForm, reference: Upload | Voice) -> Job:
    """Raises what `InputChecks.check` and `Submitter.submit` raise."""
    await anyio.to_thread.run_sync(state.checks.check, fields, reference, limiter=state.check_slots)
    job = await run_in_threadpool(state.submitter.submit, caller, fields, reference)
    request.state.job_id = job.id
    return job


async def answer_audio(state: ApiState, job: Job, headers: Mapping[str, str]) -> Response:
    """An ended job's audio. Raises `JobFailed`, `AudioNotReady`, `Unavailable`."""
    output = _require_output(job)
    audio = await run_in_threadpool(state.parts.blobs.get, output.key)
    return Response(audio, 200, headers, FORMATS[output.format].content_type)


def _require_output(job: Job) -> JobOutput:
    if job.fault is not None:
        raise JobFailed(job.id, job.fault)
    if job.output is None:
        raise AudioNotReady(f"The job was {job.status} while you waited.")
    return job.output
