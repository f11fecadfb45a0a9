"""From text and reference to chunks that a model can speak. Free of torch, and the same for every F5 engine."""

from dataclasses import dataclass
from functools import partial

from f5_tts_core import limits
from f5_tts_core.manifest import Manifest
from f5_tts_core.reference import ReferenceClip, prepare_reference
from f5_tts_core.text.chunks import chunk_text
from f5_tts_core.text.duration import estimate_seconds
from f5_tts_core.text.front_end import front_end, join_reference
from f5_tts_core.text.normalization import normalize
from f5_tts_core.text.vocabulary import Vocabulary
from f5_tts_core.types import Reference


@dataclass(frozen=True)
class PlannedChunk:
    """A piece of the text: token ids of transcript and piece together, and the speech's length in mel frames."""

    text: str
    tokens: list[int]
    speech_frames: int


class Planner:
    """Knows one model's vocabulary, text front end and limits."""

    def __init__(self, manifest: Manifest, vocabulary: Vocabulary) -> None:
        self._manifest = manifest
        self._vocabulary = vocabulary
        self._front_end = front_end(manifest.front_end)

    def check_text(self, text: str) -> str:
        """The text as the model will read it. Raises `TextError`."""
        return normalize(text, self._vocabulary, self._manifest.front_end)

    def prepare(self, reference: Reference, target_rms: float) -> ReferenceClip:
        """The reference as the model takes it, its transcript normalised. Raises `AudioError`, `TextError`."""
        return prepare_reference(
            reference.audio,
            self.check_text(reference.text),
            max_seconds=self._manifest.reference_seconds,
            target_rms=target_rms,
        )

    def chunks(self, text: str, clip: ReferenceClip, speed: float) -> list[PlannedChunk]:
        """The text in pieces, none longer than the model holds beside this reference. Raises `TextError`."""
        transcript = clip.text or ""
        room = self._manifest.total_seconds - clip.audio.seconds
        seconds = partial(
            estimate_seconds, reference_seconds=clip.audio.seconds, reference_text=transcript, speed=speed
        )
        pieces = chunk_text(self.check_text(text), lambda piece: seconds(piece) <= room)
        return [self._chunk(piece, transcript, seconds(piece)) for piece in pieces]

    def _chunk(self, piece: str, transcript: str, seconds: float) -> PlannedChunk:
        tokens = self._vocabulary.encode(join_reference(transcript, piece, self._front_end))
        return PlannedChunk(piece, tokens, max(1, round(seconds * limits.FRAMES_PER_SECOND)))
