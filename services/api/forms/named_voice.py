"""The field that says by a word whose voice it is to be."""

from typing import Annotated, Final

from pydantic import Field

from services.api.voices.sample_voice import SAMPLE_VOICE
from services.shared.voice import MAX_NAME_CHARACTERS

BY_NAME_OR_ID: Final = f"A stored voice by name or id; `{SAMPLE_VOICE}` is there from the start."

#: Ids are shorter than names may be.
NamedVoice = Annotated[str, Field(max_length=MAX_NAME_CHARACTERS, description=BY_NAME_OR_ID, examples=[SAMPLE_VOICE])]
