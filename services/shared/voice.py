"""A voice: a reference that is stored to be used again, with whose word it may be. Frozen, as jobs are."""

import unicodedata
from dataclasses import dataclass, field
from typing import Final

from f5_tts_core.diagnosis import Diagnosis

MAX_NAME_CHARACTERS: Final = 64
MAX_LABELS: Final = 16
MAX_LABEL_NAME_CHARACTERS: Final = 64
MAX_LABEL_CHARACTERS: Final = 256
MAX_CONSENT_CHARACTERS: Final = 2_000


@dataclass(frozen=True)
class Sample:
    """The recording, as it was uploaded."""

    key: str
    sha256: str
    bytes: int
    #: What its name would end in, by its content.
    extension: str


@dataclass(frozen=True)
class Consent:
    """On whose word the voice may be used: a statement, and perhaps the recording of somebody who speaks it."""

    statement: str = field(repr=False)
    given_at: float
    recording_key: str | None = None


@dataclass(frozen=True)
class Voice:
    """Times are seconds since the epoch, UTC."""

    id: str
    #: Who may see and use it: the API key's name, or "anonymous".
    owner: str
    #: One of its kind among the owner's; capitals make no difference.
    name: str
    sample: Sample
    report: Diagnosis
    #: None: the worker's transcriber finds out.
    ref_text: str | None = field(repr=False)
    #: BCP 47, as the owner says.
    language: str | None
    consent: Consent
    created_at: float
    updated_at: float
    labels: dict[str, str] = field(default_factory=dict)
    #: Bumped by the store on every change; what compare-and-set compares.
    revision: int = 0


def name_key(name: str) -> str:
    """What two names have in common that count as one: their letters, whatever their case and encoding."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())


def voice_prefix(voice_id: str) -> str:
    """Before the keys of everything that is stored of a voice."""
    return f"voices/{voice_id}/"


def sample_key(voice_id: str) -> str:
    return f"{voice_prefix(voice_id)}sample"


def consent_key(voice_id: str) -> str:
    return f"{voice_prefix(voice_id)}consent"
