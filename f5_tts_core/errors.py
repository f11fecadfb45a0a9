"""What can go wrong in the engine, each with a stable `type` that clients may rely on. Free of torch.

The families tell a caller what to do: `AudioError`, `TextError` and `UnsupportedEncoding` are the client's to mend
and never worth a retry, `ModelError` is the operator's, `EngineError` is ours.
"""

from typing import ClassVar


class TimbreError(Exception):
    """Base of all our errors. `str(error)` is a sentence fit to be shown to the client."""

    type: ClassVar[str] = "error"
    title: ClassVar[str] = "Something went wrong"


# --- the reference clip -------------------------------------------------------------------------


class AudioError(TimbreError):
    """The reference audio cannot be used."""

    type = "audio-unusable"
    title = "The reference audio cannot be used"


class EmptyAudio(AudioError):
    type = "audio-empty"
    title = "The reference audio is empty"


class UndecodableAudio(AudioError):
    type = "audio-undecodable"
    title = "The reference is not audio we can decode"


class NotFiniteAudio(AudioError):
    type = "audio-not-finite"
    title = "The reference audio holds NaN or infinite samples"


class SilentAudio(AudioError):
    type = "audio-silent"
    title = "The reference audio is silent"


class TooQuietAudio(AudioError):
    type = "audio-too-quiet"
    title = "The reference audio is too quiet"


class ClippedAudio(AudioError):
    type = "audio-clipped"
    title = "The reference audio is clipped"


class TooShortAudio(AudioError):
    type = "audio-too-short"
    title = "The reference audio is too short"


class TooLongAudio(AudioError):
    type = "audio-too-long"
    title = "The reference audio is too long"


class UnsupportedAudioLayout(AudioError):
    """Channels or sample rate outside what speech needs."""

    type = "audio-layout"
    title = "The reference audio has an unusable channel count or sample rate"


class UncuttableReference(AudioError):
    """Over-long, and no pause where audio and transcript can be cut together."""

    type = "audio-uncuttable"
    title = "The reference audio is too long and cannot be cut with its transcript"


# --- the text -----------------------------------------------------------------------------------


class TextError(TimbreError):
    """The text cannot be spoken."""

    type = "text-unusable"
    title = "The text cannot be spoken"


class EmptyText(TextError):
    type = "text-empty"
    title = "The text is empty"


class TooLongText(TextError):
    type = "text-too-long"
    title = "The text is too long"


class UnsupportedCharacters(TextError):
    type = "text-unsupported-characters"
    title = "The text holds characters the model does not know"


class TranscriptMismatch(TextError):
    """The transcript is far too long or too short for the reference audio."""

    type = "transcript-mismatch"
    title = "The transcript does not fit the reference audio"


# --- the output ---------------------------------------------------------------------------------


class UnsupportedEncoding(TimbreError):
    """A format, and a rate, depth or bitrate that it cannot have. `field` names the one, `accepted` tells of others."""

    type = "encoding-unsupported"
    title = "The audio format cannot be written so"

    def __init__(self, detail: str, *, field: str, accepted: str) -> None:
        super().__init__(detail)
        self.field = field
        self.accepted = accepted


# --- the model's files --------------------------------------------------------------------------


class ModelError(TimbreError):
    """A checkpoint, vocabulary or vocoder is missing or not what it claims to be."""

    type = "model-unusable"
    title = "The model's files cannot be used"


class UnknownModel(ModelError):
    type = "model-unknown"
    title = "No model has this name"


class MissingModelFile(ModelError):
    type = "model-file-missing"
    title = "A file of the model is missing"


class CheckpointMismatch(ModelError):
    type = "checkpoint-mismatch"
    title = "The checkpoint does not fit its architecture or vocabulary"


class HashMismatch(ModelError):
    type = "model-hash-mismatch"
    title = "A file of the model does not have the hash it should have"


# --- the engine ---------------------------------------------------------------------------------


class EngineError(TimbreError):
    type = "engine-failed"
    title = "The engine failed"


class UnknownEngine(EngineError):
    type = "engine-unknown"
    title = "No engine has this name"


class OutOfMemory(EngineError):
    type = "engine-out-of-memory"
    title = "The device ran out of memory"


class NotFiniteOutput(EngineError):
    type = "engine-not-finite"
    title = "The model produced NaN or infinite values"


class Canceled(EngineError):
    """Raised out of `Engine.synthesize` once `should_cancel` answered true. Not a fault."""

    type = "canceled"
    title = "The request was canceled"
