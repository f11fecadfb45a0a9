"""`/jobs/{id}/stream`: a job's speech while it is spoken, from its beginning, for whoever joins, by two ways."""

from typing import Any, Final

from fastapi import APIRouter, Depends, Request, Response, WebSocket
from starlette.concurrency import run_in_threadpool

from services.api.callers.auth import Caller
from services.api.callers.ownership import own_job
from services.api.documentation import NOT_IN_TIME, problems
from services.api.http.ids import RecordId
from services.api.jobs.speaking import AUDIO_CONTENT
from services.api.listening.playing import play
from services.api.listening.racing import first_of
from services.api.listening.sockets import attend, hear_out
from services.api.listening.streamed import count_stream
from services.api.listening.streaming import answer_speech
from services.api.state import State

router = APIRouter(tags=["jobs"])

_RESPONSES: Final[dict[int | str, dict[str, Any]]] = {
    200: {"description": "The audio, as it is made.", "content": AUDIO_CONTENT},
    **problems(401, 404, 409, 410, 422, 500, 503, 504, examples={504: NOT_IN_TIME}, instance="/jobs/{job_id}/stream"),
}


@router.get(
    "/jobs/{job_id}/stream",
    response_class=Response,
    responses=_RESPONSES,
    dependencies=[Depends(count_stream)],
    summary="Hear a job",
)
async def stream_job(request: Request, job_id: RecordId, caller: Caller, state: State) -> Response:
    """A job's audio from its beginning, as it is made, in the job's own format; many may listen.

    A job has to be submitted with `stream=true`, or at `POST /tts/stream`, to be heard while it is spoken; any other
    is answered once it is done, as is one that was over long ago. Who leaves changes nothing about the job. Where
    nothing is heard for `MAX_WAIT_SECONDS`, come again. Errors are as those of `POST /tts/stream`.

    The same comes over a WebSocket at this path, in binary messages: after `{"event": "started", …}`, before
    `{"event": "done", …}` or `{"event": "error", "problem": …}`.
    """
    job = await run_in_threadpool(own_job, state, caller, job_id)
    return await answer_speech(request, state, job)


@router.websocket("/jobs/{job_id}/stream")
async def play_job(websocket: WebSocket, job_id: str, state: State) -> None:
    async def talk(caller: str) -> None:
        job = await run_in_threadpool(own_job, state, caller, job_id)
        await first_of(play(websocket, state, job), hear_out(websocket))

    await attend(websocket, state, talk, explain=True)
