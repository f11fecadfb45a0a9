"""The voice a job is to follow: its transcript found where the client left it out."""

import hashlib

from f5_tts_core.audio import encode
from f5_tts_core.cache import WeighedCache
from f5_tts_core.reference import prepare_reference
from f5_tts_core.types import Reference, Waveform
from services.shared.errors import TranscriptionFailed
from services.shared.ports import Transcriber

#: Some hundred characters each: a bound on memory, not a tuning knob.
_TRANSCRIPTS_KEPT = 1_024


class ReferenceReader:
    """Makes a `Reference` of an upload. Transcripts are kept by the upload's hash, the latest thousand."""

    def __init__(self, transcriber: Transcriber | None, *, max_seconds: float, target_rms: float) -> None:
        """`max_seconds` is what the engine takes of a reference; longer ones are cut before they are transcribed."""
        self._transcriber = transcriber
        self.max_seconds = max_seconds
        self._target_rms = target_rms
        self._transcripts: WeighedCache[str] = WeighedCache(_TRANSCRIPTS_KEPT, lambda _: 1)

    def read(self, audio: bytes, text: str | None) -> Reference:
        """Raises `AudioError`, `TextError`, `TranscriptionFailed`."""
        if text is not None:
            return Reference(audio, text)
        clip = prepare_reference(audio, None, max_seconds=self.max_seconds, target_rms=self._target_rms)
        # Back at its own loudness, so that the engine answers as loud as it would have without the cut.
        spoken = Waveform(clip.audio.samples / clip.gain, clip.audio.sample_rate)
        key = hashlib.sha256(audio).hexdigest()
        return Reference(encode(spoken, "wav"), self._transcripts.get(key, lambda: self._transcribe(clip.audio)))

    def _transcribe(self, spoken: Waveform) -> str:
        if self._transcriber is None:
            raise TranscriptionFailed("This worker has no transcriber; send the reference's transcript in `ref_text`.")
        return self._transcriber.transcribe(spoken).text
