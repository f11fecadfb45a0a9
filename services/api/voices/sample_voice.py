"""The bundled voice: a recording that ships with the package, so that there is one before the first is stored."""

import hashlib
import io
from functools import cache
from importlib.resources import files
from typing import Final

from services.api.uploads.spool import Upload

#: What the routes that take a voice by name call it.
SAMPLE_VOICE: Final = "sample"

_FOLDER: Final = files("f5_tts_core") / "assets" / "sample"


def sample_upload() -> Upload:
    """The recording, as if it had been sent along."""
    recording, sha256 = _recording()
    return Upload(io.BytesIO(recording), len(recording), sha256)


@cache
def sample_transcript() -> str:
    return (_FOLDER / "reference.txt").read_text().strip()


@cache
def _recording() -> tuple[bytes, str]:
    """The file, and its hash."""
    recording = (_FOLDER / "reference.wav").read_bytes()
    return recording, hashlib.sha256(recording).hexdigest()
