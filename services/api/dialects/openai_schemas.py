"""What the OpenAI-compatible routes take and answer, in OpenAI's words."""

from collections.abc import Sequence
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema

from f5_tts_core import limits
from f5_tts_core.formats import AudioFormat
from services.api.errors import FieldRefused, InvalidField, ModelNotFound
from services.api.forms.options import MAX_MODEL_CHARACTERS, Preset
from services.api.forms.speech import SpeechForm
from services.api.views.output import Output
from services.api.voices.sample_voice import SAMPLE_VOICE
from services.shared.model_shares import OPENAI_NAMES
from services.shared.settings import Settings
from services.shared.voice import MAX_NAME_CHARACTERS, Voice

#: OpenAI's own names, which many programs have written into them, and the preset that each stands for.
ALIASES: Final[dict[str, Preset | None]] = {**dict.fromkeys(OPENAI_NAMES), "tts-1-hd": "quality"}

VoiceName = Annotated[str, Field(max_length=MAX_NAME_CHARACTERS, examples=[SAMPLE_VOICE])]


class VoiceReference(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    id: VoiceName


class SpeechRequest(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    model: Annotated[
        str,
        Field(
            max_length=MAX_MODEL_CHARACTERS,
            description="As `GET /v1/models` lists them; OpenAI's names stand for any of ours.",
            examples=["tts-1"],
        ),
    ]
    input: Annotated[str, Field(description="What to say.", examples=["Hello! This is a voice from your own machine."])]
    voice: Annotated[
        VoiceName | VoiceReference,
        # Written out: what is in it cannot be referred to from where the document puts it.
        WithJsonSchema({"anyOf": [{"type": "string"}, VoiceReference.model_json_schema()]}),
        Field(
            description=f'A stored voice by name or id, `{{"id": …}}` too; `{SAMPLE_VOICE}` is there from the start.'
        ),
    ]
    response_format: Annotated[AudioFormat, Field(description="`opus` in Ogg, `aac` in ADTS, `pcm` at 24 kHz.")] = "mp3"
    speed: Annotated[
        float | None,
        Field(ge=limits.MIN_SPEED, le=limits.MAX_SPEED, allow_inf_nan=False, description="2 is twice as fast."),
    ] = None
    instructions: Annotated[
        str | None,
        Field(max_length=4_096, description="Taken and without effect: how to speak, F5-TTS hears from the voice."),
    ] = None
    stream_format: Annotated[
        Literal["audio", "sse"], Field(description="`audio` alone is answered; `sse` is refused.")
    ] = "audio"

    def form(self, settings: Settings) -> SpeechForm:
        """As the native route takes it, but for the voice. Raises `FieldRefused`, `InvalidField`."""
        if self.stream_format != "audio":
            detail = f"`stream_format`: `{self.stream_format}` is not answered here."
            raise InvalidField(detail, field="stream_format", accepted="audio")
        return SpeechForm(
            text=self.input,
            speed=self.speed,
            format=self.response_format,
            **_model(self.model, settings),
        )


class ModelView(Output):
    id: str
    object: Literal["model"]
    created: int
    owned_by: str


class ModelList(Output):
    object: Literal["list"]
    data: list[ModelView]


class VoiceCard(Output):
    """A voice that `voice` may name."""

    id: str
    object: Literal["audio.voice"]
    name: str
    type: Literal["audio_sample"]
    created_at: int


class ElevenLabsVoice(Output):
    """The same voice in ElevenLabs' words."""

    voice_id: str
    name: str
    category: Literal["premade", "cloned"]
    labels: dict[str, str]


class VoiceCards(Output):
    object: Literal["list"]
    data: list[VoiceCard]
    voices: list[ElevenLabsVoice] = Field(description="The same, as ElevenLabs' clients read them.")
    has_more: bool
    last_id: str | None = Field(description="Pass it as `after` for the next page.")


def model_names(settings: Settings) -> list[str]:
    return [*settings.known_models, *ALIASES]


def find_model(name: str, settings: Settings) -> str:
    """The name again. Raises `ModelNotFound`."""
    known = model_names(settings)
    if name not in known:
        raise ModelNotFound(f"There is no model `{name}`.", accepted="one of " + ", ".join(known))
    return name


def model_view(name: str, created: float) -> ModelView:
    return ModelView(id=name, object="model", created=int(created), owned_by="timbre")


def voice_list(voices: Sequence[Voice], *, has_more: bool) -> VoiceCards:
    """A page; after the last of the stored voices comes the bundled one."""
    cards = [_card(one.id, one.name, one.created_at) for one in voices]
    theirs = [
        ElevenLabsVoice(voice_id=one.id, name=one.name, category="cloned", labels=dict(one.labels)) for one in voices
    ]
    last_id = cards[-1].id if cards else None
    if not has_more:
        cards.append(_card(SAMPLE_VOICE, SAMPLE_VOICE, 0))
        theirs.append(ElevenLabsVoice(voice_id=SAMPLE_VOICE, name=SAMPLE_VOICE, category="premade", labels={}))
    return VoiceCards(object="list", data=cards, voices=theirs, has_more=has_more, last_id=last_id)


def _card(voice_id: str, name: str, created_at: float) -> VoiceCard:
    return VoiceCard(id=voice_id, object="audio.voice", name=name, type="audio_sample", created_at=int(created_at))


def _model(name: str, settings: Settings) -> dict[str, Any]:
    """What it stands for in our own words."""
    try:
        find_model(name, settings)
    except ModelNotFound as error:
        raise FieldRefused("model", error) from error
    return {"preset": ALIASES[name]} if name in ALIASES else {"model": name}
