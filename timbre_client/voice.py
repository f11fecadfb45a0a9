"""A stored voice: a recording to speak with again, with whose word it may be used on."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Sample:
    sha256: str
    bytes: int
    duration_s: float
    #: Hz.
    sample_rate: int


@dataclass(frozen=True, kw_only=True)
class Consent:
    statement: str = field(repr=False)
    given_at: datetime
    #: Whether a recording of it is kept.
    recorded: bool


@dataclass(frozen=True, kw_only=True)
class Report:
    """What was found in the sample. Levels in dB of full scale, shares 0 to 1, times in seconds."""

    speech_s: float
    silence_share: float
    #: Silence at the edges, and what is beyond what the model follows: both are left away.
    trimmed_s: float
    cut_s: float
    #: What the model follows.
    used_s: float
    level_db: float
    peak_db: float
    clipped_share: float
    noise_db: float
    snr_db: float
    #: Whether the noise was heard in pauses; else `snr_db` is the least that it can be.
    noise_in_pauses: bool
    #: Short sounds a second of speech, and whether a voice can say that in the time; None without a transcript.
    speech_rate: float | None = None
    transcript_fit: str | None = None
    #: What to do better, in plain words; empty where nothing is wrong.
    advice: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Voice:
    voice_id: str
    name: str
    ref_text: str | None = field(default=None, repr=False)
    #: BCP 47.
    language: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    consent: Consent
    sample: Sample
    report: Report
    created_at: datetime
    updated_at: datetime
    #: The server's whole answer.
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)


def voice_id_of(voice: Voice | str) -> str:
    return voice.voice_id if isinstance(voice, Voice) else voice
