"""Who writes down what a reference says where its transcript was left out."""

from importlib.util import find_spec
from typing import Literal

from services.shared.ports import Transcriber
from services.shared.settings import Settings, SettingsError

_Name = Literal["pocketsphinx", "faster-whisper"]


def can_transcribe(settings: Settings) -> bool:
    """Whether a worker with these settings transcribes. Loads nothing.

    A transcriber named in the settings is taken at its word, since this process may not be where it is installed.
    """
    if settings.transcriber == "auto":
        return _found(settings) is not None
    return settings.transcriber != "none"


def create_transcriber(settings: Settings) -> Transcriber | None:
    """The transcriber that the settings name, None where none is wanted or `auto` finds none.

    Its model is loaded when first used. Raises `SettingsError` where what is named is not there.
    """
    match _found(settings) if settings.transcriber == "auto" else settings.transcriber:
        case "pocketsphinx":
            return _pocketsphinx()
        case "faster-whisper":
            return _faster_whisper(settings)
        case _:
            return None


def _found(settings: Settings) -> _Name | None:
    if settings.whisper_model_path is not None and find_spec("faster_whisper"):
        return "faster-whisper"
    return "pocketsphinx" if find_spec("pocketsphinx") else None


def _pocketsphinx() -> Transcriber:
    if not find_spec("pocketsphinx"):
        raise SettingsError("TRANSCRIBER: pocketsphinx is not installed; expected pip install 'timbre[embedded]'")
    from services.shared.adapters.transcribers.pocketsphinx import PocketSphinxTranscriber  # noqa: PLC0415 (optional)

    return PocketSphinxTranscriber()


def _faster_whisper(settings: Settings) -> Transcriber:
    path = settings.whisper_model_path
    if path is None or not path.is_dir():
        raise SettingsError("WHISPER_MODEL_PATH: expected the directory of a faster-whisper model on this machine")
    if not find_spec("faster_whisper"):
        raise SettingsError("TRANSCRIBER: faster-whisper is not installed; expected pip install 'timbre[whisper]'")
    from services.shared.adapters.transcribers.faster_whisper import (  # noqa: PLC0415 (optional)
        FasterWhisperTranscriber,
        load_whisper,
    )

    return FasterWhisperTranscriber(lambda: load_whisper(path))
