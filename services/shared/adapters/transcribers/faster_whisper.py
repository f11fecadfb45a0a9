"""Transcripts in many languages, by a faster-whisper model from a local directory. Never asks a model hub."""

import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import soxr

from f5_tts_core.types import Waveform
from services.shared.errors import TranscriptionFailed
from services.shared.ports import Transcript

#: Hz. What every Whisper takes.
_SAMPLE_RATE = 16_000


class WhisperModel(Protocol):
    """What we use of `faster_whisper.WhisperModel`: returns segments with `text`, and info with `language`."""

    def transcribe(self, audio: npt.NDArray[np.float32], **options: Any) -> tuple[Iterable[Any], Any]: ...


class FasterWhisperTranscriber:
    """`Transcriber` on the model that `load` makes, once, when first needed."""

    def __init__(self, load: Callable[[], WhisperModel]) -> None:
        self._load = load
        self._model: WhisperModel | None = None
        self._lock = threading.Lock()

    def transcribe(self, audio: Waveform) -> Transcript:
        samples = soxr.resample(audio.samples, audio.sample_rate, _SAMPLE_RATE).astype(np.float32)
        # A reference is one short clip: what was said before it must not steer what is heard in it.
        segments, info = self._loaded().transcribe(samples, beam_size=5, condition_on_previous_text=False)
        text = " ".join(segment.text.strip() for segment in segments).strip()
        if not text:
            raise TranscriptionFailed("No words were recognised in the reference; send its transcript along.")
        return Transcript(text, info.language)

    def _loaded(self) -> WhisperModel:
        with self._lock:
            if self._model is None:
                self._model = self._load()
            return self._model


def load_whisper(path: Path) -> WhisperModel:
    """The model in this directory, on the device that faster-whisper finds."""
    import faster_whisper  # noqa: PLC0415 (optional, and slow to import)

    model: WhisperModel = faster_whisper.WhisperModel(str(path), device="auto", local_files_only=True)
    return model
