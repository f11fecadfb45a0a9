"""From text and reference to chunks that a model can speak. Free of torch, and the same for every F5 engine."""

from dataclasses import dataclass
from typing import Final, Protocol

from f5_tts_core import errors, limits
from f5_tts_core.manifest import Manifest
from f5_tts_core.reference import ReferenceClip, prepare_reference
from f5_tts_core.text.chunks import Fits, chunk_text, lasting_chunks, split_opening
from f5_tts_core.text.duration import estimate_seconds
from f5_tts_core.text.front_end import FrontEnd, front_end, join_reference
from f5_tts_core.text.normalization import normalize
from f5_tts_core.text.pacing import Pacing
from f5_tts_core.text.vocabulary import Vocabulary
from f5_tts_core.types import Reference

#: A list of tokens longer than this is cut in an error.
_SHOWN: Final = 8
#: Seconds that the opening of a text that is streamed lasts: at least, for its sound; at most, where it can be cut.
_OPENING_SECONDS: Final = (1.5, 4.0)


@dataclass(frozen=True)
class PlannedChunk:
    """A piece of the text: token ids of transcript and piece together, and the speech's length in mel frames."""

    text: str
    tokens: list[int]
    speech_frames: int


class Script(Protocol):
    """How one reference's voice reads texts."""

    def seconds(self, piece: str) -> float:
        """How long it takes."""
        ...

    def tokens(self, piece: str, speech_frames: int) -> list[str]:
        """The transcript and the piece, for the reference's frames and as many more."""
        ...


@dataclass(frozen=True)
class EvenScript:
    """F5-TTS's own way: transcript and text as one run of tokens, which the network places."""

    clip: ReferenceClip
    tokenize: FrontEnd
    speed: float

    def seconds(self, piece: str) -> float:
        return estimate_seconds(
            piece,
            reference_seconds=self.clip.audio.seconds,
            reference_text=self.clip.text or "",
            speed=self.speed,
        )

    def tokens(self, piece: str, speech_frames: int) -> list[str]:
        return join_reference(self.clip.text or "", piece, self.tokenize)


class PacedScript:
    """For models that know how long each token takes: one token a frame, where it is due."""

    def __init__(self, clip: ReferenceClip, tokenize: FrontEnd, speed: float, pacing: Pacing) -> None:
        self._tokenize = tokenize
        self._speed = speed
        self._pacing = pacing
        self._reference_seconds = clip.audio.seconds
        self._transcript = tokenize(clip.text or "")
        reference_frames = len(clip.audio.samples) // limits.HOP_LENGTH + 1
        self._paced_transcript = pacing.spread(self._transcript, reference_frames)

    def seconds(self, piece: str) -> float:
        return self._pacing.estimate_seconds(
            self._tokenize(piece),
            reference_seconds=self._reference_seconds,
            reference_tokens=self._transcript,
            speed=self._speed,
        )

    def tokens(self, piece: str, speech_frames: int) -> list[str]:
        return self._paced_transcript + self._pacing.spread(self._tokenize(piece), speech_frames)


class Planner:
    """Knows one model's vocabulary, text front end and limits."""

    def __init__(self, manifest: Manifest, vocabulary: Vocabulary) -> None:
        self._manifest = manifest
        self._vocabulary = vocabulary
        self._front_end = front_end(manifest.front_end)
        self._pacing = _pacing(manifest, vocabulary)

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

    def chunks(self, text: str, clip: ReferenceClip, speed: float, *, stream: bool = False) -> list[PlannedChunk]:
        """The text in pieces, none longer than the model holds beside this reference. Raises `TextError`.

        To `stream`, it begins with a short one, unless all of it is short.
        """
        script = self._script(clip, speed)
        fits = self._fits(clip, script)
        text = self.check_text(text)
        parts = _opened(text, script) if stream else (text,)
        return [self._chunk(piece, script) for part in parts for piece in chunk_text(part, fits)]

    def lasting_chunks(self, text: str, clip: ReferenceClip, speed: float) -> list[str]:
        """The text in pieces, each one chunk, of which an edit changes those near it alone. Raises `TextError`."""
        return lasting_chunks(self.check_text(text), self._fits(clip, self._script(clip, speed)))

    def _fits(self, clip: ReferenceClip, script: Script) -> Fits:
        return _at_most(self._manifest.total_seconds - clip.audio.seconds, script)

    def _script(self, clip: ReferenceClip, speed: float) -> Script:
        if self._pacing is None:
            return EvenScript(clip, self._front_end, speed)
        return PacedScript(clip, self._front_end, speed, self._pacing)

    def _chunk(self, piece: str, script: Script) -> PlannedChunk:
        speech_frames = max(1, round(script.seconds(piece) * limits.FRAMES_PER_SECOND))
        return PlannedChunk(piece, self._vocabulary.encode(script.tokens(piece, speech_frames)), speech_frames)


def _at_most(seconds: float, script: Script) -> Fits:
    return lambda piece: script.seconds(piece) <= seconds


def _opened(text: str, script: Script) -> tuple[str, str]:
    least, most = _OPENING_SECONDS
    return split_opening(
        text, long_enough=lambda piece: script.seconds(piece) >= least, short_enough=_at_most(most, script)
    )


def _pacing(manifest: Manifest, vocabulary: Vocabulary) -> Pacing | None:
    """Raises `CheckpointMismatch` where the model paces its tokens, but not all that it reads."""
    if manifest.token_seconds is None:
        return None
    needed = [*vocabulary.tokens, *Pacing.NEEDED]
    missing = [token for token in needed if token not in manifest.token_seconds or token not in vocabulary]
    if missing:
        raise errors.CheckpointMismatch(
            f"{manifest.name} has no token_seconds, or no line in its vocabulary, for {missing[:_SHOWN]}."
        )
    return Pacing(manifest.token_seconds)
