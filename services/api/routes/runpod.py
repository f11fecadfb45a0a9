"""`/run` and its like: in RunPod's manner over the same jobs, for programs that know no others."""

from contextlib import suppress
from functools import partial
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Query, Request
from starlette.concurrency import run_in_threadpool

from services.api import documentation
from services.api.callers.auth import Caller
from services.api.callers.ownership import own_job
from services.api.dialects.runpod_schemas import Run, RunRequest, run_view
from services.api.forms.fields import read_json
from services.api.http.bodies import request_body
from services.api.http.ids import RecordId
from services.api.http.listing import forbid_keeping
from services.api.jobs.cancellation import cancel
from services.api.jobs.speaking import take_in
from services.api.listening.waiting import wait_for_end
from services.api.state import ApiState, State
from services.api.uploads.multipart import Form
from services.shared.errors import TransitionRefused
from services.shared.job import Job, new_id
from services.shared.priority import Priority

router = APIRouter(tags=["runpod"], dependencies=[Depends(forbid_keeping)])

_problems = partial(documentation.problems, instance="/run")
_SUBMIT: Final[dict[int | str, dict[str, Any]]] = _problems(400, 401, 404, 408, 409, 413, 415, 422, 500, 503)
_READ: Final[dict[int | str, dict[str, Any]]] = _problems(401, 404, 422, 500, 503)
_BODY: Final = request_body(
    RunRequest,
    example={
        "input": {
            "text": "Hello! This is a voice that you have heard before.",
            "prompt_speech_url": "https://example.com/voices/anna.wav",
            "prompt_text": "I know that you can hear the sound of my voice.",
        }
    },
)


@router.post("/run", responses=_SUBMIT, openapi_extra=_BODY, summary="Queue a job, as RunPod does")
async def run(request: Request, caller: Caller, state: State) -> Run:
    """Answers at once; `GET /status/{id}` tells of it, and `webhook` is told of its end."""
    return run_view(await _submit(request, state, caller, Priority.DEFAULT), state.parts)


@router.post("/runsync", responses=_SUBMIT, openapi_extra=_BODY, summary="Run a job, as RunPod does")
async def run_sync(
    request: Request,
    caller: Caller,
    state: State,
    wait: Annotated[
        int | None, Query(ge=1, le=600_000, description="Milliseconds to wait, up to `RUNSYNC_SECONDS`.")
    ] = None,
) -> Run:
    """Answers when the job has ended, or after `RUNSYNC_SECONDS` (300) as it is then; it goes on."""
    longest = state.parts.settings.runsync_seconds
    seconds = longest if wait is None else min(wait / 1000, longest)
    job = await _submit(request, state, caller, Priority.INTERACTIVE)
    return run_view(await wait_for_end(state.parts, job, seconds, request), state.parts)


@router.get("/status/{job_id}", responses=_READ, summary="Read a job, as RunPod answers it")
def read_status(job_id: RecordId, caller: Caller, state: State) -> Run:
    """A job as it is now, with a freshly signed `audio_url` once there is audio."""
    return run_view(own_job(state, caller, job_id), state.parts)


@router.post("/cancel/{job_id}", responses=_READ, summary="Cancel a job, as RunPod does")
def cancel_run(job_id: RecordId, caller: Caller, state: State) -> Run:
    """A queued job is canceled at once; one that is being spoken stops within two solver steps. An ended one stays."""
    with suppress(TransitionRefused):
        cancel(state.parts, own_job(state, caller, job_id))
    return run_view(own_job(state, caller, job_id), state.parts)


async def _submit(request: Request, state: ApiState, caller: str, usual: Priority) -> Job:
    asked = await read_json(request, RunRequest)
    request.state.their_names = asked.names()
    fields = await run_in_threadpool(asked.form)
    # Closes the recording that was fetched.
    with Form() as form:
        return await take_in(request, state, caller, fields, form, job_id=new_id(state.parts.clock()), usual=usual)
