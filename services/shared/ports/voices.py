"""Voices that are kept."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from services.shared.voice import Voice


@dataclass(frozen=True)
class VoicePage:
    voices: Sequence[Voice]
    #: Opaque; None on the last page.
    next_cursor: str | None


class VoiceStore(Protocol):
    """Records of voices, kept until they are removed. An owner has a name once, whatever its capitals."""

    def add(self, voice: Voice, *, limit: int) -> None:
        """Raises `VoiceNameTaken`, `TooManyVoices` where the owner has `limit` of them, and `StaleVoice` where the id
        is taken by another voice; the same one again is no conflict."""
        ...

    def get(self, voice_id: str) -> Voice:
        """Raises `VoiceNotFound`."""
        ...

    def find(self, owner: str, name: str) -> Voice:
        """An owner's voice by its name. Raises `VoiceNotFound`."""
        ...

    def replace(self, old: Voice, new: Voice) -> Voice:
        """Store `new` where `old` lies, and return it with its new revision.

        Raises `StaleVoice` where the record's revision is not `old`'s, `VoiceNotFound` where it is gone, and
        `VoiceNameTaken`. The same change stored twice is no conflict: the first answer may have been lost.
        """
        ...

    def remove(self, voice_id: str) -> None:
        """Raises `VoiceNotFound`."""
        ...

    def page(self, owner: str, *, limit: int, cursor: str | None = None) -> VoicePage:
        """An owner's voices, newest first. Raises `ValueError` on a cursor that is not one of ours."""
        ...
