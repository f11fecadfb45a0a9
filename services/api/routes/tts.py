"""`POST /tts`: a text and a voice in, a job out, or the audio itself to a client that waits."""

from collections.abc import Awaitable
from contextlib import suppress
from typing import Any

from fastapi import APIRouter, Depends, Request, Response
from starlette.concurrency import run_in_threadpool

from services.api.callers.auth import Caller
from services.api.documentation import NAMED_VOICE_NOT_FOUND, NOT_IN_TIME, problems
from services.api.errors import AudioExpired
from services.api.forms.preference import NO_WAIT, Wait, choose_wait
from services.api.forms.speech import SpeechForm, form_schema, form_shape, parse_speech
from services.api.http.answers import json_answer
from services.api.http.bodies import request_body
from services.api.jobs.estimates import Standing
from services.api.jobs.idempotency import REPLAYED_HEADER, IdempotencyKey, fingerprint
from services.api.jobs.speaking import AUDIO_CONTENT, answer_audio, take_in
from services.api.listening.streamed import count_stream
from services.api.listening.streaming import answer_own_speech
from services.api.listening.waiting import wait_for_end
from services.api.state import ApiState, State
from services.api.uploads.multipart import read_form
from services.api.views.job import JobView, job_view
from services.shared.errors import BlobStoreUnavailable
from services.shared.job import Job
from services.shared.priority import Priority

router = APIRouter(tags=["speech"])

_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The audio itself, where the client waited and it was ready in time.",
        "content": AUDIO_CONTENT,
    },
    202: {"description": "The job, queued. `Location` is where to ask for it."},
    **problems(400, 401, 404, 408, 409, 413, 415, 422, 500, 503, examples={404: NAMED_VOICE_NOT_FOUND}),
}
_STREAM_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {"description": "The audio, as it is made.", "content": AUDIO_CONTENT},
    **problems(
        *(400, 401, 404, 408, 409, 410, 413, 415, 422, 500, 503, 504),
        examples={404: NAMED_VOICE_NOT_FOUND, 504: NOT_IN_TIME},
        instance="/tts/stream",
    ),
}
_FORM = request_body(form=form_schema())


@router.post(
    "/tts", status_code=202, response_model=JobView, responses=_RESPONSES, openapi_extra=_FORM, summary="Speak a text"
)
async def speak(request: Request, caller: Caller, state: State, idempotency_key: IdempotencyKey = None) -> Response:
    """Speak `text` in the voice of the recording `voice`, of one under `voice_url`, or in the one called `voice_id`.

    Answers the job at once. With `Prefer: wait=N`, or `mode=sync`, it answers the audio when that is ready in
    time, with the job's id in `X-Job-Id`; else the job as usual. `webhook_url` is told when the job has ended.

    A text of more than 4,096 characters, up to 100,000, becomes a long job (see `long`), which nobody waits for.
    """
    fields, job, replayed = await _take_once(request, state, caller, idempotency_key)
    wait = _wait(request, state, fields)
    job = await wait_for_end(state.parts, job, wait.seconds, request)
    response = await _answer(request, state, job, wait)
    if replayed:
        response.headers[REPLAYED_HEADER] = "true"
    return response


@router.post(
    "/tts/stream",
    status_code=200,
    response_class=Response,
    responses=_STREAM_RESPONSES,
    dependencies=[Depends(count_stream)],
    openapi_extra=_FORM,
    summary="Speak a text, and hear it while it is spoken",
)
async def stream(request: Request, caller: Caller, state: State, idempotency_key: IdempotencyKey = None) -> Response:
    """Takes the form of `POST /tts`, and answers the audio as it is made, in chunks.

    The text's first words are spoken first and leave at once. The job's id is in `X-Job-Id`. Trouble before the first
    byte is answered as a problem; after it, the line is closed before the answer's proper end, and the job tells why.
    A client that leaves early cancels the job, as does one that would wait for its first byte longer than
    `MAX_WAIT_SECONDS`. The length of a WAV is not known ahead: its header names the largest there is, and a
    FLAC's none.

    A text that is still being written is spoken meanwhile over the WebSocket `/tts/live`: first comes a message with
    `voice_id` and any of these options, as JSON, then text in pieces cut anywhere (bare, or as `{"text": …}`), with
    `{"flush": true}` and `{"end": true}` as marks; audio is answered in binary messages, and what happens in JSON.
    """
    _, job, replayed = await _take_once(request, state, caller, idempotency_key, stream="true")
    response = await answer_own_speech(request, state, job)
    if replayed:
        response.headers[REPLAYED_HEADER] = "true"
    return response


async def _take_once(
    request: Request, state: ApiState, caller: str, idempotency_key: str | None, **fixed: str
) -> tuple[SpeechForm, Job, bool]:
    """What the form asks for, its fields `fixed` by the route; the job made of it; and whether that was made before."""
    shape = form_shape(state.parts.settings)
    with await read_form(request.headers.get("content-type"), request.stream(), shape) as form:
        fields = parse_speech({**form.fields, **fixed})
        # What is heard while it is spoken is waited for.
        fields = fields if fixed else fields.as_job(state.parts.settings)
        usual = Priority.INTERACTIVE if _wait(request, state, fields).seconds else Priority.DEFAULT

        def submit_as(job_id: str) -> Awaitable[Job]:
            return take_in(request, state, caller, fields, form, job_id=job_id, usual=usual)

        job, replayed = await state.idempotency.once(
            caller, idempotency_key, fingerprint(form), submit_as, state.parts.jobs.get
        )
    request.state.job_id = job.id
    return fields, job, replayed


def _wait(request: Request, state: ApiState, fields: SpeechForm) -> Wait:
    settings = state.parts.settings
    if fields.long:
        return NO_WAIT
    return choose_wait(
        fields.mode,
        request.headers.getlist("prefer"),
        default=settings.default_mode,
        max_seconds=settings.max_wait_seconds,
    )


async def _answer(request: Request, state: ApiState, job: Job, wait: Wait) -> Response:
    root = request.scope.get("root_path", "")
    headers = {"X-Job-Id": job.id, "Cache-Control": "no-store"}
    if wait.applied:
        headers["Preference-Applied"] = wait.applied
    if wait.seconds and job.status.is_terminal:
        # The job is done whatever the object store does now: where the audio cannot be had, the job is.
        with suppress(BlobStoreUnavailable, AudioExpired):
            return await answer_audio(state, job, {"Content-Location": f"{root}/jobs/{job.id}/audio", **headers})
    view = job_view(job, state.parts, root, standing=await _standing(request, state, job, wait))
    return json_answer(view, 202, {"Location": view.urls.self, **headers})


async def _standing(request: Request, state: ApiState, job: Job, wait: Wait) -> Standing:
    """As it was when the job was queued, unless that is a while ago."""
    if not wait.seconds and hasattr(request.state, "standing"):
        queued: Standing = request.state.standing
        return queued
    return await run_in_threadpool(state.estimator.standing, job)
