"""The bundled voice: a recording that ships with the package, so that there is one before the first is stored."""

import hashlib
import io
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Final

from services.api.uploads.spool import Upload
from services.shared.voice import Voice

#: What it is called, unless a voice of the caller's own is.
SAMPLE_VOICE: Final = "sample"

_FOLDER: Final = files("f5_tts_core") / "assets" / "sample"


@dataclass(frozen=True)
class SampleVoice(Upload):
    """The recording, as if it had been sent along, with what is said in it."""

    ref_text: str = field(repr=False)


#: What can be named, where no recording is sent along.
NamedReference = Voice | SampleVoice


def sample_voice() -> SampleVoice:
    recording, sha256, ref_text = _recording()
    return SampleVoice(io.BytesIO(recording), len(recording), sha256, ref_text)


@cache
def _recording() -> tuple[bytes, str, str]:
    """The file, its hash and its transcript."""
    recording = (_FOLDER / "reference.wav").read_bytes()
    return recording, hashlib.sha256(recording).hexdigest(), (_FOLDER / "reference.txt").read_text().strip()
