"""Voices as other services' routes name them: by a word in the request, rather than by our ids alone."""

from typing import Annotated

from pydantic import Field

from services.api.errors import FieldRefused
from services.api.forms.speech import SpeechForm
from services.api.state import ApiState
from services.api.uploads.spool import Upload
from services.api.voices.sample_voice import SAMPLE_VOICE, sample_transcript, sample_upload
from services.shared.errors import VoiceNotFound
from services.shared.voice import MAX_NAME_CHARACTERS, Voice

NamedVoice = Annotated[
    str,
    Field(
        max_length=MAX_NAME_CHARACTERS,
        description=f"A stored voice by name or id; `{SAMPLE_VOICE}` is there from the start.",
        examples=[SAMPLE_VOICE],
    ),
]


def give_voice(
    state: ApiState, caller: str, fields: SpeechForm, named: str, blamed: str, *, by_name: bool = True
) -> tuple[SpeechForm, Upload | Voice]:
    """The request with a voice: the caller's of this name, else of this id, else the bundled one.

    Raises `FieldRefused` for the field `blamed`. Blocking.
    """
    find = state.library.named if by_name else state.library.get
    try:
        return fields, find(caller, named)
    except VoiceNotFound:
        if named == SAMPLE_VOICE:
            return fields.model_copy(update={"ref_text": sample_transcript()}), sample_upload()
        detail = f"You have no voice `{named}`. Store one at POST /voices, or take `{SAMPLE_VOICE}`."
        raise FieldRefused(blamed, VoiceNotFound(detail)) from None
