"""`/v1/text-to-speech`: in ElevenLabs' manner over the same jobs, errors too, for programs that know no others."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from starlette.concurrency import run_in_threadpool

from services.api.callers.auth import Caller
from services.api.dialects.elevenlabs_schemas import DEFAULT_OUTPUT, TextToSpeech, TextToSpeechWithVoice
from services.api.documentation import elevenlabs_problems
from services.api.forms.fields import read_json
from services.api.forms.speech import VOICE_ID, SpeechForm
from services.api.http.bodies import request_body
from services.api.jobs.speaking import AUDIO_CONTENT
from services.api.listening.streamed import count_stream
from services.api.listening.streaming import speak_aloud
from services.api.state import ApiState, State
from services.api.voices.named_voices import require_voice
from services.api.voices.sample_voice import SAMPLE_VOICE
from services.shared.voice import MAX_NAME_CHARACTERS

router = APIRouter(prefix="/v1/text-to-speech", tags=["elevenlabs"], dependencies=[Depends(count_stream)])

VoiceWord = Annotated[str, Path(max_length=MAX_NAME_CHARACTERS, examples=[SAMPLE_VOICE])]
OutputFormat = Annotated[
    str,
    Query(
        max_length=32,
        description="Format, rate in Hz and bitrate in kbit/s: `mp3`, `opus`, `aac`, `pcm`, `wav`, `flac`.",
        examples=["pcm_24000"],
    ),
]

_SPEECH: Final[dict[int | str, dict[str, Any]]] = {
    200: {"description": "The audio.", "content": AUDIO_CONTENT},
    **elevenlabs_problems(400, 401, 404, 408, 409, 413, 415, 422, 500, 503, 504),
}
_EXAMPLE: Final = {
    "text": "The first move is what sets it all in motion.",
    "model_id": "eleven_multilingual_v2",
    "voice_settings": {"stability": 0.5, "similarity_boost": 0.75, "speed": 1.0},
}


@router.post(
    "",
    response_class=Response,
    responses=_SPEECH,
    openapi_extra=request_body(TextToSpeechWithVoice, example={**_EXAMPLE, "voice_id": SAMPLE_VOICE}),
    summary="Speak a text",
)
async def convert_named(
    request: Request, caller: Caller, state: State, output_format: OutputFormat = DEFAULT_OUTPUT
) -> Response:
    """As `POST /v1/text-to-speech/{voice_id}`, with the voice in the body."""
    asked = await read_json(request, TextToSpeechWithVoice)
    return await _speak(request, state, caller, asked.form(output_format, state.parts.settings), asked.voice_id)


@router.post(
    "/{voice_id}",
    response_class=Response,
    responses=_SPEECH,
    openapi_extra=request_body(TextToSpeech, example=_EXAMPLE),
    summary="Speak, as ElevenLabs does",
)
@router.post(
    "/{voice_id}/stream",
    name="convert_streamed",
    response_class=Response,
    responses=_SPEECH,
    openapi_extra=request_body(TextToSpeech, example=_EXAMPLE),
    summary="Speak, as ElevenLabs streams",
)
async def convert(
    request: Request, voice_id: VoiceWord, caller: Caller, state: State, output_format: OutputFormat = DEFAULT_OUTPUT
) -> Response:
    """Speak `text` in a stored voice, by its name or id, and answer the audio as it is made.

    A client that leaves, or that would wait longer than `MAX_WAIT_SECONDS` for the first byte, stops the work. What
    else ElevenLabs' clients send (`stability`, `previous_text`, …) is taken and without effect.
    """
    asked = await read_json(request, TextToSpeech)
    return await _speak(request, state, caller, asked.form(output_format, state.parts.settings), voice_id)


async def _speak(request: Request, state: ApiState, caller: str, form: SpeechForm, voice: str) -> Response:
    reference = await run_in_threadpool(require_voice, state.library, caller, voice, VOICE_ID)
    return await speak_aloud(request, state, caller, form, reference)
