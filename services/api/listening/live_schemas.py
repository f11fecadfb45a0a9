"""What a client of `/tts/live` says: first how to speak, then what."""

from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field
from starlette.types import Message

from services.api.errors import InvalidField, MalformedJson
from services.api.forms.fields import parse_json
from services.api.forms.named_voice import NamedVoice
from services.api.forms.options import SpeechOptions
from services.api.forms.speech import SpeechForm

_START: Final = '{"voice_id": …}, with options beside it'
_ACCEPTED: Final = 'text, or {"text": …, "flush": …, "end": …}'


class LiveStart(SpeechOptions):
    """The first message: whose voice, and how all of the session's text is spoken."""

    voice_id: NamedVoice

    def form(self, text: str) -> SpeechForm:
        """As the native route takes it, but for the voice. Raises `InvalidField`."""
        if self.cache:
            raise InvalidField("`cache`: a session speaks all anew.", field="cache", accepted="left out, or false")
        options = self.model_dump(exclude={"voice_id", "cache"})
        form = SpeechForm(text=text, stream=True, cache=False, **options)
        form.encoding()
        form.check_stream()
        return form


class LiveText(BaseModel):
    """Every further message; a frame that does not begin with `{` is `text` alone."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    text: Annotated[str, Field(description="What comes next of the text, cut anywhere.")] = ""
    flush: Annotated[bool, Field(description="Speak all that has come, though its sentence may not be whole.")] = False
    end: Annotated[bool, Field(description="That was all: speak the rest, then close.")] = False


def read_start(message: Message) -> LiveStart:
    """Raises `MalformedJson`, `InvalidField`."""
    text = _text(message, _START)
    if not text.lstrip().startswith("{"):
        raise MalformedJson("The first message says how to speak, as JSON; the text comes after it.", accepted=_START)
    return parse_json(LiveStart, text.encode())


def read_text(message: Message) -> LiveText:
    """Raises `MalformedJson`, `InvalidField`."""
    text = _text(message, _ACCEPTED)
    return parse_json(LiveText, text.encode()) if text.startswith("{") else LiveText(text=text)


def _text(message: Message, accepted: str) -> str:
    text: str | None = message.get("text")
    if text is None:
        raise MalformedJson("A binary message came; text alone is taken.", accepted=accepted)
    return text
