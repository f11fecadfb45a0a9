"""`/v1`: OpenAI's speech routes over the same jobs, for programs that know no others."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Path, Query, Request, Response, Security
from starlette.concurrency import run_in_threadpool

from services.api.callers.auth import Caller, VoiceReader, authenticate
from services.api.dialects.openai_schemas import (
    ModelList,
    ModelView,
    SpeechRequest,
    VoiceCards,
    VoiceReference,
    find_model,
    model_names,
    model_view,
    voice_list,
)
from services.api.documentation import openai_problems
from services.api.forms.fields import read_json
from services.api.http.bodies import request_body
from services.api.http.listing import PageLimit
from services.api.jobs.speaking import AUDIO_CONTENT
from services.api.listening.streamed import count_stream
from services.api.listening.streaming import speak_aloud
from services.api.state import State
from services.api.voices.library import VoiceLibrary
from services.api.voices.named_voices import require_voice
from services.api.voices.sample_voice import SAMPLE_VOICE, NamedReference
from services.shared.cursor import Cursor

router = APIRouter(prefix="/v1", tags=["openai"])

_SPEECH: dict[int | str, dict[str, Any]] = {
    200: {"description": "The audio.", "content": AUDIO_CONTENT},
    **openai_problems(400, 401, 404, 408, 409, 413, 415, 500, 503, 504),
}
_BODY: Final = request_body(
    SpeechRequest,
    example={"model": "tts-1", "input": "Hello! This is a voice from your own machine.", "voice": SAMPLE_VOICE},
)


@router.post(
    "/audio/speech",
    response_class=Response,
    responses=_SPEECH,
    openapi_extra=_BODY,
    dependencies=[Depends(count_stream)],
    summary="Speak, as OpenAI does",
)
async def create_speech(request: Request, caller: Caller, state: State) -> Response:
    """Speak `input` in a stored voice, and answer the audio as it is made.

    A client that leaves, or that would wait longer than `MAX_WAIT_SECONDS` for the first byte, stops the work.
    """
    asked = await read_json(request, SpeechRequest)
    fields = asked.form(state.parts.settings)
    reference = await run_in_threadpool(_find_voice, state.library, caller, asked.voice)
    return await speak_aloud(request, state, caller, fields, reference)


@router.get(
    "/models", dependencies=[Security(authenticate)], responses=openai_problems(401, 500), summary="List the models"
)
async def list_models(state: State) -> ModelList:
    """The models that may be asked for, and OpenAI's names, which stand for any of them."""
    names = model_names(state.parts.settings)
    return ModelList(object="list", data=[model_view(name, state.created) for name in names])


@router.get(
    "/models/{model:path}",
    dependencies=[Security(authenticate)],
    responses=openai_problems(401, 404, 500),
    summary="Read a model",
)
async def read_model(model: Annotated[str, Path(max_length=256, examples=["tts-1"])], state: State) -> ModelView:
    """One of those that are listed."""
    return model_view(find_model(model, state.parts.settings), state.created)


@router.get(
    "/voices", responses=openai_problems(400, 401, 404, 500, 503), summary="List voices, as OpenAI and ElevenLabs do"
)
def list_voice_cards(
    caller: VoiceReader,
    state: State,
    limit: PageLimit = 20,
    after: Annotated[str | None, Query(max_length=64, description="`last_id` of the page before.")] = None,
) -> VoiceCards:
    """What `voice` may name: your stored voices, newest first, and after the last of them the bundled one."""
    cursor = Cursor.after(state.library.get(caller, after)).encode() if after is not None else None
    page = state.parts.voices.page(caller, limit=limit, cursor=cursor)
    return voice_list(page.voices, has_more=page.next_cursor is not None)


def _find_voice(library: VoiceLibrary, caller: str, voice: str | VoiceReference) -> NamedReference:
    if isinstance(voice, str):
        return require_voice(library, caller, voice, "voice")
    return require_voice(library, caller, voice.id, "voice", by_name=False)
