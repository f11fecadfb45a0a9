"""`/api/v1/tts`: the same jobs under the names that many home-grown services have, errors as everywhere."""

from collections.abc import Awaitable
from functools import partial
from typing import Any, Final

from fastapi import APIRouter, Depends, Request, Response
from starlette.background import BackgroundTask
from starlette.concurrency import run_in_threadpool

from services.api import documentation
from services.api.callers.auth import Caller
from services.api.callers.ownership import own_job
from services.api.dialects.generation_schemas import (
    Generation,
    GenerationBatch,
    GenerationList,
    generation_batch,
    generation_view,
)
from services.api.forms.fields import read_json
from services.api.forms.speech import SpeechForm, SpokenText, form_schema, form_shape, parse_speech
from services.api.http.answers import json_answer
from services.api.http.bodies import request_body
from services.api.http.ids import RecordId
from services.api.http.listing import PageCursor, PageLimit, forbid_keeping, refusing_cursors
from services.api.jobs.idempotency import REPLAYED_HEADER, IdempotencyKey, document_fingerprint, fingerprint
from services.api.jobs.speaking import AUDIO_CONTENT, answer_audio, no_audio, take_in
from services.api.routes.batches import BATCH_BODY, make_batch_once
from services.api.routes.jobs import delete_job
from services.api.state import State
from services.api.uploads.multipart import Form, is_form, read_form
from services.api.voices.sample_voice import SAMPLE_VOICE
from services.shared.job import Job
from services.shared.lifetimes import has_audio

router = APIRouter(prefix="/api/v1/tts", tags=["generations"], dependencies=[Depends(forbid_keeping)])

_problems = partial(documentation.problems, instance="/api/v1/tts")
_SUBMIT: Final[dict[int | str, dict[str, Any]]] = _problems(400, 401, 404, 408, 409, 413, 415, 422, 500, 503)
_BODY: Final = request_body(
    SpokenText,
    form=form_schema(),
    example={"text": "Hello! This is a voice that you have heard before.", "voice_id": SAMPLE_VOICE},
)
_AUDIO: Final[dict[int | str, dict[str, Any]]] = {
    200: {"description": "The audio.", "content": AUDIO_CONTENT},
    **_problems(401, 404, 409, 410, 422, 500, 503),
}


@router.post(
    "/generate",
    status_code=202,
    response_model=Generation,
    responses=_SUBMIT,
    openapi_extra=_BODY,
    summary="Queue a generation",
)
async def generate(request: Request, caller: Caller, state: State, idempotency_key: IdempotencyKey = None) -> Response:
    """Speak a text: the form of `POST /tts`, or its fields as JSON, with `voice_id` (a name or id) or `voice_url`."""
    settings = state.parts.settings
    content_type = request.headers.get("content-type")
    sent = is_form(content_type)
    with await read_form(content_type, request.stream(), form_shape(settings)) if sent else Form() as form:
        fields = parse_speech(form.fields) if sent else await _read_text(request)
        content = fingerprint(form) if sent else document_fingerprint(fields)

        def submit_as(job_id: str) -> Awaitable[Job]:
            return take_in(request, state, caller, fields, form, job_id=job_id)

        job, replayed = await state.idempotency.once(caller, idempotency_key, content, submit_as, state.parts.jobs.get)
    view = generation_view(job, state.parts)
    location = f"{request.scope.get('root_path', '')}/api/v1/tts/{job.id}"
    return json_answer(view, 202, {"Location": location, **_headers(replayed)})


@router.post(
    "/batch",
    status_code=202,
    response_model=GenerationBatch,
    responses=_SUBMIT,
    openapi_extra=BATCH_BODY,
    summary="Queue many generations",
)
async def generate_batch(
    request: Request, caller: Caller, state: State, idempotency_key: IdempotencyKey = None
) -> Response:
    """Speak many texts: the same as `POST /batches`."""
    batch, replayed = await make_batch_once(request, state, caller, idempotency_key)
    entries = await run_in_threadpool(lambda: list(state.batcher.entries(batch)))
    view = generation_batch(batch, entries)
    sending = BackgroundTask(state.batcher.send, batch)
    return json_answer(view, 202, _headers(replayed), background=sending)


@router.get("", responses=_problems(401, 422, 500, 503), summary="List generations")
def list_generations(caller: Caller, state: State, limit: PageLimit = 20, cursor: PageCursor = None) -> GenerationList:
    """Yours, newest first."""
    with refusing_cursors():
        page = state.parts.jobs.page(caller, limit=limit, cursor=cursor)
    return GenerationList(items=[generation_view(job, state.parts) for job in page.jobs], next_cursor=page.next_cursor)


@router.get("/{tts_id}", responses=_problems(401, 404, 422, 500, 503), summary="Read a generation")
def read_generation(tts_id: RecordId, caller: Caller, state: State) -> Generation:
    """As it is now, with a freshly signed `audio_url` once there is audio."""
    return generation_view(own_job(state, caller, tts_id), state.parts)


@router.delete(
    "/{tts_id}", status_code=204, responses=_problems(401, 404, 422, 500, 503), summary="Delete a generation"
)
async def delete_generation(tts_id: RecordId, caller: Caller, state: State) -> None:
    """Record, recording and audio are gone for good. One that is being spoken is canceled first."""
    await delete_job(tts_id, caller, state)


@router.get("/stream/{tts_id}", response_class=Response, responses=_AUDIO, summary="Fetch a generation's audio")
async def stream_generation(tts_id: RecordId, caller: Caller, state: State) -> Response:
    """The audio itself, once it is whole; 409 until then."""
    job = await run_in_threadpool(own_job, state, caller, tts_id)
    if not has_audio(job, state.parts.settings, state.parts.clock()):
        raise no_audio(state, job)
    return await answer_audio(state, job, {"X-Job-Id": job.id, "Cache-Control": "no-store"})


def _headers(replayed: bool) -> dict[str, str]:
    return {"Cache-Control": "no-store", **({REPLAYED_HEADER: "true"} if replayed else {})}


async def _read_text(request: Request) -> SpeechForm:
    fields = await read_json(request, SpokenText, or_form=True)
    form = SpeechForm.model_validate(fields.model_dump(exclude_unset=True))
    form.encoding()
    return form
