"""`/v1`: OpenAI's speech routes over the same jobs, for programs that know no others."""

from contextlib import suppress
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect

from services.api.auth import Caller, authenticate
from services.api.cancellation import cancel
from services.api.documentation import openai_problems
from services.api.errors import FieldRefused, NotInTime
from services.api.fields import read_json
from services.api.form import SpeechForm
from services.api.listing import PageLimit
from services.api.openai_schemas import (
    ModelList,
    ModelView,
    SpeechRequest,
    VoiceCards,
    VoiceReference,
    find_model,
    model_names,
    model_view,
    sample_card,
    voice_card,
)
from services.api.sample_voice import SAMPLE_VOICE, sample_transcript, sample_upload
from services.api.speaking import AUDIO_CONTENT, answer_audio, submit
from services.api.spool import Upload
from services.api.state import ApiState, State
from services.api.waiting import wait_for_end
from services.shared.cursor import Cursor
from services.shared.errors import JobNotFound, TransitionRefused, Unavailable, VoiceNotFound
from services.shared.job import Job
from services.shared.voice import Voice

router = APIRouter(prefix="/v1", tags=["openai"])

_SPEECH: dict[int | str, dict[str, Any]] = {
    200: {"description": "The audio.", "content": AUDIO_CONTENT},
    **openai_problems(400, 401, 404, 408, 409, 413, 415, 500, 503, 504),
}
_BODY: dict[str, Any] = {
    "requestBody": {"required": True, "content": {"application/json": {"schema": SpeechRequest.model_json_schema()}}}
}


@router.post(
    "/audio/speech", response_class=Response, responses=_SPEECH, openapi_extra=_BODY, summary="Speak, as OpenAI does"
)
async def create_speech(request: Request, caller: Caller, state: State) -> Response:
    """Speak `input` in a stored voice, and answer the audio once it is whole.

    A client that leaves, or that would have to wait longer than `MAX_WAIT_SECONDS`, stops the work.
    """
    asked = await read_json(request, SpeechRequest)
    fields, reference = await run_in_threadpool(_understand, state, caller, asked)
    job = await submit(request, state, caller, fields, reference)
    job = await _finish(request, state, job)
    return await answer_audio(state, job, {"X-Job-Id": job.id, "Cache-Control": "no-store"})


@router.get(
    "/models", dependencies=[Depends(authenticate)], responses=openai_problems(401, 500), summary="List the models"
)
async def list_models(state: State) -> ModelList:
    """The model that runs here, and OpenAI's names for it."""
    names = model_names(state.parts.settings)
    return ModelList(object="list", data=[model_view(name, state.created) for name in names])


@router.get(
    "/models/{model:path}",
    dependencies=[Depends(authenticate)],
    responses=openai_problems(401, 404, 500),
    summary="Read a model",
)
async def read_model(model: Annotated[str, Path(max_length=256, examples=["tts-1"])], state: State) -> ModelView:
    """One of those that are listed."""
    return model_view(find_model(model, state.parts.settings), state.created)


@router.get("/voices", responses=openai_problems(400, 401, 404, 500, 503), summary="List voices, as OpenAI lists")
def list_voices(
    caller: Caller,
    state: State,
    limit: PageLimit = 20,
    after: Annotated[str | None, Query(max_length=64, description="`last_id` of the page before.")] = None,
) -> VoiceCards:
    """What `voice` may name: your stored voices, newest first, and after the last of them the bundled one."""
    cursor = Cursor.after(state.library.get(caller, after)).encode() if after is not None else None
    page = state.parts.voices.page(caller, limit=limit, cursor=cursor)
    cards = [voice_card(voice) for voice in page.voices]
    has_more = page.next_cursor is not None
    last_id = cards[-1].id if cards else None
    return VoiceCards(
        object="list", data=cards if has_more else [*cards, sample_card()], has_more=has_more, last_id=last_id
    )


def _understand(state: ApiState, caller: str, asked: SpeechRequest) -> tuple[SpeechForm, Upload | Voice]:
    fields = asked.form(state.parts.settings)
    reference = _find_voice(state, caller, asked.voice)
    if isinstance(reference, Upload):
        fields = fields.model_copy(update={"ref_text": sample_transcript()})
    return fields, reference


def _find_voice(state: ApiState, caller: str, voice: str | VoiceReference) -> Upload | Voice:
    """The caller's voice of this name, else of this id, else the bundled one. Raises `FieldRefused`."""
    wanted = voice if isinstance(voice, str) else voice.id
    named = state.library.find(caller, wanted) if isinstance(voice, str) else []
    if named:
        return named[0]
    try:
        return state.library.get(caller, wanted)
    except VoiceNotFound:
        if wanted == SAMPLE_VOICE:
            return sample_upload()
        detail = f"You have no voice `{wanted}`. Store one at POST /voices, or take `{SAMPLE_VOICE}`."
        raise FieldRefused("voice", VoiceNotFound(detail)) from None


async def _finish(request: Request, state: ApiState, job: Job) -> Job:
    """The job, ended. Nobody could ask for its audio later, so one that nobody waits for is stopped.

    Raises `NotInTime`, `ClientDisconnect`.
    """
    seconds = state.parts.settings.max_wait_seconds
    try:
        job = await wait_for_end(state.parts, job, seconds, request)
    except ClientDisconnect:
        await _abandon(state, job)
        raise
    if not job.status.is_terminal:
        await _abandon(state, job)
        raise NotInTime(f"The speech was not ready within {seconds:g} seconds. POST /tts queues longer work.")
    return job


async def _abandon(state: ApiState, job: Job) -> None:
    # Ended or deleted meanwhile: all the better. A store that is away: it is spoken for nobody.
    with suppress(TransitionRefused, JobNotFound, Unavailable):
        await run_in_threadpool(cancel, state.parts, job)
