"""What every `Transcriber` must do."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import soundfile

import f5_tts_core
from f5_tts_core.types import Waveform
from services.shared.adapters.transcribers.faster_whisper import FasterWhisperTranscriber
from services.shared.adapters.transcribers.pocketsphinx import PocketSphinxTranscriber
from services.shared.errors import TranscriptionFailed
from services.shared.ports import Transcriber
from services.shared.testing import ScriptedTranscriber


@dataclass(frozen=True)
class Segment:
    text: str


@dataclass(frozen=True)
class Info:
    language: str


class FakeWhisper:
    """Hears a fixed sentence in anything that is louder than nothing; holds its caller to Whisper's own demands."""

    def transcribe(self, audio: npt.NDArray[np.float32], **options: Any) -> tuple[list[Segment], Info]:
        assert audio.dtype == np.float32
        assert audio.ndim == 1
        assert options["condition_on_previous_text"] is False
        heard = audio.size > 0 and float(np.abs(audio).max()) > 1e-4
        return [Segment(" Two segments,"), Segment(" one sentence. ")] if heard else [], Info("en")


class DeafTo:
    """The scripted transcriber knows no silence by itself."""

    def __init__(self) -> None:
        self._words, self._nothing = ScriptedTranscriber(), ScriptedTranscriber(text=None)

    def transcribe(self, audio: Waveform) -> Any:
        return (self._words if audio.samples.any() else self._nothing).transcribe(audio)


MAKERS: dict[str, Callable[[], Transcriber]] = {
    "scripted": DeafTo,
    "pocketsphinx": PocketSphinxTranscriber,
    "faster-whisper": lambda: FasterWhisperTranscriber(FakeWhisper),
}


@pytest.fixture(params=MAKERS, scope="module")
def transcriber(request: pytest.FixtureRequest) -> Transcriber:
    return MAKERS[request.param]()


@pytest.fixture(scope="module")
def speech() -> Waveform:
    with files(f5_tts_core).joinpath("assets/sample/reference.wav").open("rb") as file:
        samples, rate = soundfile.read(file, dtype="float32")
    return Waveform(samples, rate)


def test_speech_becomes_a_sentence(transcriber: Transcriber, speech: Waveform) -> None:
    found = transcriber.transcribe(speech)
    assert found.language == "en"
    assert found.text[0].isupper()
    assert found.text.endswith(".")
    assert len(found.text.split()) >= 4


def test_the_same_speech_gives_the_same_words(transcriber: Transcriber, speech: Waveform) -> None:
    """A reference's transcript is part of the request: it must not depend on who spoke before."""
    first = transcriber.transcribe(speech)
    transcriber.transcribe(Waveform(speech.samples[::-1].copy(), speech.sample_rate))
    assert transcriber.transcribe(speech) == first


@pytest.mark.parametrize("samples", [0, 10])
def test_no_words(transcriber: Transcriber, samples: int) -> None:
    with pytest.raises(TranscriptionFailed):
        transcriber.transcribe(Waveform(np.zeros(samples, np.float32)))
