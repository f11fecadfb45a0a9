"""Voices as requests name them: by name or id, the bundled one too."""

from services.api.errors import FieldRefused
from services.api.voices.library import VoiceLibrary
from services.api.voices.sample_voice import SAMPLE_VOICE, SampleVoice, sample_voice
from services.shared.errors import VoiceNotFound
from services.shared.voice import Voice

#: What a request names, where it sends no recording along.
NamedReference = Voice | SampleVoice


def find_voice(library: VoiceLibrary, owner: str, named: str, blamed: str, *, by_name: bool = True) -> NamedReference:
    """The owner's voice of this id or name, else the bundled one.

    Raises `FieldRefused` for the field `blamed`. Blocking.
    """
    find = library.named if by_name else library.get
    try:
        return find(owner, named)
    except VoiceNotFound:
        if named == SAMPLE_VOICE:
            return sample_voice()
        detail = f"You have no voice of the name or id `{named}`. Store one at POST /voices, or take `{SAMPLE_VOICE}`."
        raise FieldRefused(blamed, VoiceNotFound(detail)) from None
