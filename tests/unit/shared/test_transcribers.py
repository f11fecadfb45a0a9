"""Which transcriber the settings lead to."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from f5_tts_core.types import Waveform
from services.shared.adapters.transcribers import can_transcribe, create_transcriber
from services.shared.adapters.transcribers.faster_whisper import FasterWhisperTranscriber
from services.shared.adapters.transcribers.pocketsphinx import PocketSphinxTranscriber, as_sentence
from services.shared.ports import Transcript
from services.shared.settings import SettingsError
from services.shared.testing import make_settings


def test_none_is_wanted() -> None:
    settings = make_settings(transcriber="none")
    assert not can_transcribe(settings)
    assert create_transcriber(settings) is None


@pytest.mark.parametrize("name", ["auto", "pocketsphinx"])
def test_the_embedded_default(name: str) -> None:
    settings = make_settings(transcriber=name)
    assert can_transcribe(settings)
    assert isinstance(create_transcriber(settings), PocketSphinxTranscriber)


def test_what_is_named_is_taken_at_its_word_by_those_who_only_send_jobs(tmp_path: Path) -> None:
    assert can_transcribe(make_settings(transcriber="faster-whisper", whisper_model_path=tmp_path / "on the worker"))


def test_whisper_without_its_model_is_refused(tmp_path: Path) -> None:
    for path in (None, tmp_path / "missing"):
        with pytest.raises(SettingsError, match="WHISPER_MODEL_PATH"):
            create_transcriber(make_settings(transcriber="faster-whisper", whisper_model_path=path))


def test_whispers_model_is_loaded_once_and_when_needed() -> None:
    loads: list[Whisper] = []

    def load() -> Whisper:
        loads.append(Whisper())
        return loads[-1]

    transcriber = FasterWhisperTranscriber(load)
    assert loads == []
    for _ in range(2):
        assert transcriber.transcribe(Waveform(np.ones(2_400, np.float32))) == Transcript("Bonjour.", "fr")
    assert len(loads) == 1


class Whisper:
    """Hears one word in everything."""

    def transcribe(self, audio: object, **options: Any) -> tuple[list[Any], Any]:
        return [SimpleNamespace(text=" Bonjour.")], SimpleNamespace(language="fr")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [("hello", "Hello."), ("what i  know i'm sure of", "What I know I'm sure of."), ("in it", "In it.")],
)
def test_words_become_a_sentence(words: str, sentence: str) -> None:
    assert as_sentence(words) == sentence
