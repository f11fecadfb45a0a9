"""`/voices`: the speaker library. To everybody but its owner a voice does not exist."""

from functools import partial
from typing import Annotated, Final

import anyio.to_thread
from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import RedirectResponse
from starlette.concurrency import run_in_threadpool

from services.api import documentation
from services.api.callers.auth import VoiceKeeper, VoiceReader
from services.api.errors import NoConsentRecording
from services.api.forms.fields import parse_fields, read_json
from services.api.forms.speech import UPLOAD_ID, choose_source
from services.api.forms.voice import RECORDING, SAMPLE, VoiceChange, VoiceForm, voice_form_schema, voice_form_shape
from services.api.http.answers import json_answer
from services.api.http.bodies import request_body
from services.api.http.ids import RecordId
from services.api.http.listing import PageCursor, PageLimit, forbid_keeping, refusing_cursors
from services.api.jobs.speaking import discard_upload, fetch_upload
from services.api.state import ApiState, State
from services.api.uploads.multipart import read_form
from services.api.views.voice import VoiceList, VoiceView, voice_view
from services.shared.ports import VoicePage
from services.shared.voice import MAX_NAME_CHARACTERS, Voice

router = APIRouter(prefix="/voices", tags=["voices"], dependencies=[Depends(forbid_keeping)])

_problems = partial(
    documentation.problems,
    examples={
        400: ("audio-silent", "The reference audio is silent", "The loudest sample is at -91 dB.", "sample"),
        404: documentation.VOICE_NOT_FOUND,
        409: ("voice-name-taken", "Another voice has this name", "Another voice is called Anna.", None),
        413: ("payload-too-large", "The request is too large", "`sample` has more than 20971520 bytes.", "sample"),
        422: ("field-invalid", "A field of the request is not valid", "`name` is missing.", "name"),
    },
    instance="/voices",
)
_FORM: Final = request_body(form=voice_form_schema())
_CHANGE: Final = request_body(VoiceChange)


@router.post(
    "",
    status_code=201,
    response_model=VoiceView,
    responses=_problems(400, 401, 404, 408, 409, 413, 415, 422, 500, 503),
    openapi_extra=_FORM,
    summary="Store a voice",
)
async def add_voice(request: Request, caller: VoiceKeeper, state: State) -> Response:
    """Keep a recording of a voice, to be used again by its id or name, as `voice_id`.

    It is examined at once: `report` says what was found, and how a better recording would be made.
    """
    shape = voice_form_shape(state.parts.settings)
    with await read_form(request.headers.get("content-type"), request.stream(), shape) as form:
        fields = parse_fields(VoiceForm, form.fields)
        source = choose_source({*form.files, *fields.model_fields_set}, (SAMPLE, UPLOAD_ID))
        if fields.upload_id is not None:
            form.files[source] = await fetch_upload(state, caller, fields.upload_id)
        sample, recording = form.files[source], form.files.get(RECORDING)
        await state.screening.check(form.files)
        draft = partial(state.library.draft, caller, fields, sample, recording)
        voice = await anyio.to_thread.run_sync(draft, limiter=state.check_slots)
        await run_in_threadpool(state.library.add, voice, sample, recording)
        await discard_upload(state, caller, fields.upload_id)
    view = voice_view(voice, request.scope.get("root_path", ""))
    headers = {"Location": view.urls.self, "Cache-Control": "no-store"}
    return json_answer(view, 201, headers)


@router.get("", response_model=VoiceList, responses=_problems(401, 422, 500, 503), summary="List voices")
def list_voices(
    *,
    request: Request,
    caller: VoiceReader,
    state: State,
    limit: PageLimit = 20,
    cursor: PageCursor = None,
    name: Annotated[
        str | None, Query(max_length=MAX_NAME_CHARACTERS, description="Only the voice of this name.")
    ] = None,
) -> VoiceList:
    """Your voices, newest first."""
    if name is not None:
        page = VoicePage(state.library.find(caller, name), None)
    else:
        with refusing_cursors():
            page = state.parts.voices.page(caller, limit=limit, cursor=cursor)
    return VoiceList(voices=[_view(request, voice) for voice in page.voices], next_cursor=page.next_cursor)


@router.get(
    "/{voice_id}", response_model=VoiceView, responses=_problems(401, 404, 422, 500, 503), summary="Read a voice"
)
def read_voice(request: Request, voice_id: RecordId, caller: VoiceReader, state: State) -> VoiceView:
    """A voice, and what was found in its sample."""
    return _view(request, state.library.get(caller, voice_id))


@router.patch(
    "/{voice_id}",
    response_model=VoiceView,
    responses=_problems(400, 401, 404, 408, 409, 413, 415, 422, 500, 503),
    openapi_extra=_CHANGE,
    summary="Change a voice",
)
async def change_voice(request: Request, voice_id: RecordId, caller: VoiceKeeper, state: State) -> VoiceView:
    """Change name, transcript, language or labels. A new transcript is held against the sample.

    Jobs that were submitted before keep the transcript that they were submitted with.
    """
    change = await read_json(request, VoiceChange)
    make = partial(state.library.change, caller, voice_id, change)
    return _view(request, await anyio.to_thread.run_sync(make, limiter=state.check_slots))


@router.delete("/{voice_id}", status_code=204, responses=_problems(401, 404, 422, 500, 503), summary="Delete a voice")
def delete_voice(
    voice_id: RecordId,
    caller: VoiceKeeper,
    state: State,
    delete_jobs: Annotated[
        bool, Query(description="Delete all jobs that were made with it too, records and audio.")
    ] = False,
) -> None:
    """Record, sample and consent recording are gone for good. Jobs that wait to speak in the voice fail.

    Where so many jobs were made with it that one request cannot delete them all, the answer is 503: ask again.
    """
    state.library.delete(caller, voice_id, with_jobs=delete_jobs)


@router.get(
    "/{voice_id}/sample",
    status_code=302,
    response_class=RedirectResponse,
    responses=_problems(401, 404, 422, 500, 503),
    summary="Fetch a voice's sample",
)
def fetch_sample(voice_id: RecordId, caller: VoiceKeeper, state: State) -> RedirectResponse:
    """Redirects to the signed URL of the sample as it was uploaded."""
    voice = state.library.get(caller, voice_id)
    return _redirect(state, voice.sample.key, f"{voice.id}.{voice.sample.extension}")


@router.get(
    "/{voice_id}/consent",
    status_code=302,
    response_class=RedirectResponse,
    responses=_problems(401, 404, 422, 500, 503),
    summary="Fetch a voice's consent recording",
)
def fetch_consent(voice_id: RecordId, caller: VoiceKeeper, state: State) -> RedirectResponse:
    """Redirects to the signed URL of the recording, where there is one."""
    voice = state.library.get(caller, voice_id)
    if voice.consent.recording_key is None:
        raise NoConsentRecording("The consent to this voice is a statement alone.")
    return _redirect(state, voice.consent.recording_key, f"{voice.id}-consent")


def _redirect(state: ApiState, key: str, filename: str) -> RedirectResponse:
    seconds = state.parts.settings.result_url_seconds
    url = state.parts.blobs.sign(key, expires_seconds=seconds, filename=filename)
    return RedirectResponse(url, 302, {"Cache-Control": "no-store"})


def _view(request: Request, voice: Voice) -> VoiceView:
    return voice_view(voice, request.scope.get("root_path", ""))
