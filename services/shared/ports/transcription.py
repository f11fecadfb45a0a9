"""Words out of recordings."""

from dataclasses import dataclass
from typing import Protocol

from f5_tts_core.types import Waveform


@dataclass(frozen=True)
class Transcript:
    text: str
    #: BCP 47, as far as the transcriber knows.
    language: str


class Transcriber(Protocol):
    """Words out of a reference whose transcript was left out."""

    def transcribe(self, audio: Waveform) -> Transcript:
        """Raises `TranscriptionFailed` where no words are found."""
        ...
