"""Voices as requests name them: by name or id, the bundled one too."""

from services.api.errors import FieldRefused
from services.api.voices.library import VoiceLibrary
from services.api.voices.sample_voice import SAMPLE_VOICE, NamedReference, sample_voice
from services.shared.errors import VoiceNotFound
from services.shared.voice import name_key


def require_voice(
    library: VoiceLibrary, owner: str, named: str, blamed: str, *, by_name: bool = True
) -> NamedReference:
    """As `find_voice`. Raises `FieldRefused` for the field `blamed`."""
    try:
        return find_voice(library, owner, named, by_name=by_name)
    except VoiceNotFound as error:
        raise FieldRefused(blamed, error) from error


def find_voice(library: VoiceLibrary, owner: str, named: str, *, by_name: bool = True) -> NamedReference:
    """The owner's voice of this id or name, else the bundled one. Raises `VoiceNotFound`. Blocking."""
    find = library.named if by_name else library.get
    try:
        return find(owner, named)
    except VoiceNotFound:
        if name_key(named) == SAMPLE_VOICE:
            return sample_voice()
        detail = f"You have no voice of the name or id `{named}`. Store one at POST /voices, or take `{SAMPLE_VOICE}`."
        raise VoiceNotFound(detail) from None
