"""Voices in memory, for tests of the services. Held to the same contract suite as the real adapter."""

import threading
from dataclasses import replace
from typing import Any, Final

from f5_tts_core.diagnosis import Diagnosis
from services.shared import errors
from services.shared.cursor import Cursor
from services.shared.job import new_id
from services.shared.ports import VoicePage
from services.shared.voice import Consent, Sample, Voice, name_key, sample_key

REPORT: Final = Diagnosis(
    seconds=2.5,
    sample_rate=24_000,
    speech_seconds=2.3,
    silence_share=0.08,
    trimmed_seconds=0.1,
    cut_seconds=0.0,
    used_seconds=2.4,
    level_db=-20.0,
    peak_db=-6.0,
    clipped_share=0.0,
    noise_db=-70.0,
    snr_db=50.0,
    noise_in_pauses=True,
    speech_rate=12.0,
    transcript_fit="plausible",
    advice=("There are only 2.3 s of speech.",),
)


class MemoryVoiceStore:
    """`VoiceStore` in a dict."""

    def __init__(self) -> None:
        self.down = False
        self._voices: dict[str, Voice] = {}
        self._lock = threading.RLock()

    def add(self, voice: Voice, *, limit: int) -> None:
        with self._lock:
            stored = self._all().get(voice.id)
            if stored is not None:
                if replace(stored, revision=voice.revision) != voice:
                    raise errors.StaleVoice(f"The id {voice.id} is taken.")
                return
            self._keep_apart(voice)
            if len(self._of(voice.owner)) >= limit:
                raise errors.TooManyVoices(f"The limit of {limit} voices is reached; delete one first.")
            self._voices[voice.id] = voice

    def get(self, voice_id: str) -> Voice:
        with self._lock:
            voice = self._all().get(voice_id)
        if voice is None:
            raise errors.VoiceNotFound(f"There is no voice {voice_id}.")
        return voice

    def find(self, owner: str, name: str) -> Voice:
        found = [voice for voice in self._of(owner) if name_key(voice.name) == name_key(name)]
        if not found:
            raise errors.VoiceNotFound("There is no voice of this name.")
        return found[0]

    def replace(self, old: Voice, new: Voice) -> Voice:
        written = replace(new, revision=old.revision + 1)
        with self._lock:
            stored = self.get(old.id)
            if stored == written:
                return stored
            if stored.revision != old.revision:
                raise errors.StaleVoice(f"The voice {old.id} changed meanwhile.")
            self._keep_apart(new)
            self._voices[old.id] = written
        return written

    def remove(self, voice_id: str) -> None:
        with self._lock:
            self.get(voice_id)
            del self._voices[voice_id]

    def page(self, owner: str, *, limit: int, cursor: str | None = None) -> VoicePage:
        before = Cursor.decode(cursor) if cursor is not None else None
        found = [
            voice
            for voice in self._of(owner)
            if before is None or (voice.created_at, voice.id) < (before.created_at, before.id)
        ]
        return VoicePage(found[:limit], Cursor.after(found[limit - 1]).encode() if len(found) > limit else None)

    def _of(self, owner: str) -> list[Voice]:
        """Newest first."""
        with self._lock:
            mine = [voice for voice in self._all().values() if voice.owner == owner]
        return sorted(mine, key=lambda voice: (voice.created_at, voice.id), reverse=True)

    def _keep_apart(self, voice: Voice) -> None:
        for other in self._of(voice.owner):
            if other.id != voice.id and name_key(other.name) == name_key(voice.name):
                raise errors.VoiceNameTaken(f"Another voice is called {voice.name}.")

    def _all(self) -> dict[str, Voice]:
        if self.down:
            raise errors.JobStoreUnavailable("The job store does not answer.")
        return self._voices


def make_voice(created_at: float, **overrides: Any) -> Voice:
    """A voice as `POST /voices` makes it."""
    voice_id = overrides.pop("id", None) or new_id(created_at)
    fields: dict[str, Any] = {
        "owner": "anonymous",
        "name": f"Voice {voice_id[-6:]}",
        "sample": Sample(sample_key(voice_id), "0" * 64, 120_044, "wav"),
        "report": REPORT,
        "ref_text": "What the voice says.",
        "language": "en",
        "consent": Consent("It is my own voice.", created_at),
        "created_at": created_at,
        "updated_at": created_at,
        "labels": {},
    }
    return Voice(id=voice_id, **fields | overrides)
