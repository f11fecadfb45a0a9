"""A transcriber that hears what it was told to."""

from f5_tts_core.types import Waveform
from services.shared import errors
from services.shared.ports import Transcript


class ScriptedTranscriber:
    """Hears what it was told to, in whatever it is given; `text=None`: no words."""

    def __init__(self, text: str | None = "What the reference says.", language: str = "en") -> None:
        self.text = text
        self.language = language
        self.heard: list[Waveform] = []

    def transcribe(self, audio: Waveform) -> Transcript:
        self.heard.append(audio)
        if self.text is None:
            raise errors.TranscriptionFailed("No words were recognised in the reference.")
        return Transcript(self.text, self.language)
