"""`/jobs/{id}/stream`: a job's speech while it is spoken, from its beginning, for whoever joins."""

from typing import Any, Final

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool

from services.api.auth import Caller
from services.api.documentation import NOT_IN_TIME, problems
from services.api.ownership import own_job
from services.api.routes.jobs import JobId
from services.api.speaking import AUDIO_CONTENT
from services.api.state import State
from services.api.streaming import answer_speech

router = APIRouter(tags=["jobs"])

_RESPONSES: Final[dict[int | str, dict[str, Any]]] = {
    200: {"description": "The audio, as it is made.", "content": AUDIO_CONTENT},
    **problems(401, 404, 409, 422, 500, 503, 504, examples={504: NOT_IN_TIME}, instance="/jobs/{job_id}/stream"),
}


@router.get("/jobs/{job_id}/stream", response_class=Response, responses=_RESPONSES, summary="Hear a job")
async def stream_job(request: Request, job_id: JobId, caller: Caller, state: State) -> Response:
    """A job's audio from its beginning, as it is made, in the job's own format; many may listen.

    A job has to be submitted with `stream=true`, or at `POST /tts/stream`, to be heard while it is spoken; any other
    is answered once it is done, as is one that was over long ago. Who leaves changes nothing about the job. Where
    nothing is heard for `MAX_WAIT_SECONDS`, come again. Errors are as those of `POST /tts/stream`.
    """
    job = await run_in_threadpool(own_job, state, caller, job_id)
    return await answer_speech(request, state, job)
