"""What the routes in ElevenLabs' manner take, in ElevenLabs' words."""

import json
import re
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema

from f5_tts_core import limits
from f5_tts_core.errors import UnsupportedEncoding
from f5_tts_core.formats import FORMATS, Encoding
from services.api.errors import FieldRefused, InvalidField, ModelNotFound
from services.api.forms.fields import parse_json
from services.api.forms.languages import Language
from services.api.forms.named_voice import NamedVoice
from services.api.forms.options import MAX_MODEL_CHARACTERS
from services.api.forms.speech import SpeechForm
from services.shared.model_shares import ELEVENLABS_PREFIX
from services.shared.settings import Settings

DEFAULT_OUTPUT: Final = "mp3_44100_128"

_OUTPUT: Final = re.compile(r"([a-z0-9]+)(?:_([0-9]{4,6}))?(?:_([0-9]{1,3}))?")
_OUTPUTS: Final = "a format, a rate and a bitrate: mp3_44100_128, opus_48000_64, pcm_24000, wav_44100, …"
_SETTINGS: Final = {
    "type": "object",
    "description": "`speed` alone has an effect: F5-TTS hears the rest from the voice.",
    "properties": {"speed": {"type": "number", "minimum": limits.MIN_SPEED, "maximum": limits.MAX_SPEED}},
}


class TextToSpeech(BaseModel):
    # Their clients send much that means nothing here.
    model_config = ConfigDict(frozen=True, extra="ignore")

    text: Annotated[str, Field(description="What to say.", examples=["The first move is what sets it all in motion."])]
    model_id: Annotated[
        str | None,
        Field(
            max_length=MAX_MODEL_CHARACTERS,
            description="One of ours, as `GET /v1/models` lists them, or any of ElevenLabs' names: `eleven_…`. Those "
            "stand for any of ours; those of their fast models (`flash`, `turbo`) for the preset `fast` too.",
            examples=["eleven_multilingual_v2"],
        ),
    ] = None
    language_code: Annotated[
        Language | None,
        Field(description="What the text is in; left out, it is told from the text.", examples=["en"]),
    ] = None
    voice_settings: Annotated[
        dict[str, Any] | None,
        WithJsonSchema({"anyOf": [_SETTINGS, {"type": "null"}]}),
        Field(examples=[{"stability": 0.5, "similarity_boost": 0.75, "speed": 1.0}]),
    ] = None
    seed: Annotated[
        int | None,
        Field(ge=0, le=limits.MAX_SEED, description="The same seed speaks the same request the same way."),
    ] = None

    def form(self, output_format: str, settings: Settings) -> SpeechForm:
        """As the native route takes it, but for the voice. Raises `FieldRefused`, `InvalidField`."""
        encoding = read_output_format(output_format)
        values = {
            "text": self.text,
            "language": self.language_code,
            "seed": self.seed,
            "speed": (self.voice_settings or {}).get("speed"),
            **_model(self.model_id, settings),
            "format": encoding.format,
            "sample_rate": encoding.sample_rate,
            "bitrate": encoding.bitrate,
        }
        return parse_json(SpeechForm, json.dumps(values).encode())


class TextToSpeechWithVoice(TextToSpeech):
    voice_id: NamedVoice


def read_output_format(name: str) -> Encoding:
    """Raises `InvalidField`."""
    match = _OUTPUT.fullmatch(name)
    known = match and next((one for one in FORMATS if one == match[1]), None)
    if not match or known is None:
        raise InvalidField(
            f"`output_format`: `{name[:32]}` is not spoken here.", field="output_format", accepted=_OUTPUTS
        )
    rate, bitrate = int(match[2] or limits.SAMPLE_RATE), int(match[3]) if match[3] else None
    try:
        return Encoding.of(known, rate, None, bitrate)
    except UnsupportedEncoding as error:
        detail = f"`output_format`: {error}"
        raise InvalidField(detail, field="output_format", accepted=error.accepted) from error


def _model(name: str | None, settings: Settings) -> dict[str, Any]:
    """What it stands for in our own words."""
    if name is None or name in settings.known_models:
        return {"model": name}
    if not name.startswith(ELEVENLABS_PREFIX):
        accepted = f"{', '.join(settings.known_models)}, or {ELEVENLABS_PREFIX}…"
        raise FieldRefused("model_id", ModelNotFound(f"There is no model `{name}`.", accepted=accepted))
    return {"preset": "fast" if "flash" in name or "turbo" in name else None}
