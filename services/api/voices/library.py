"""The speaker library: voices taken in, changed, found and deleted, each its owner's alone."""

import io
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from typing import Any, Final

import structlog

from f5_tts_core.audio.containers import extension_of
from f5_tts_core.errors import TimbreError
from services.api.callers.owned import own
from services.api.errors import DeletionUnfinished
from services.api.forms.speech import UPLOAD_ID
from services.api.forms.voice import SAMPLE, VoiceChange, VoiceForm
from services.api.jobs.cancellation import erase
from services.api.jobs.checks import InputChecks
from services.api.uploads.spool import BINARY, Upload
from services.shared.errors import JobNotFound, StaleVoice, VoiceNotFound
from services.shared.job import Job, is_id, new_id, speaks_in
from services.shared.parts import Parts
from services.shared.voice import Consent, Sample, Voice, consent_key, sample_key, voice_prefix

log = structlog.get_logger(__name__)

#: Jobs that one request deletes with a voice; whoever has more asks again.
MAX_DELETED_JOBS: Final = 500
_PAGE: Final = 100


class VoiceLibrary:
    """Blocking, thread-safe. Another owner's voice answers as one that never was, to the letter."""

    def __init__(self, parts: Parts, checks: InputChecks, *, max_deleted_jobs: int = MAX_DELETED_JOBS) -> None:
        self._parts = parts
        self._checks = checks
        self._max_deleted_jobs = max_deleted_jobs

    def get(self, owner: str, voice_id: str) -> Voice:
        """Raises `VoiceNotFound`."""
        return own(self._parts.voices.get, voice_id, owner, VoiceNotFound("You have no voice of this id."))

    def find(self, owner: str, name: str) -> list[Voice]:
        """The owner's voice of this name, if there is one."""
        try:
            return [self._parts.voices.find(owner, name)]
        except VoiceNotFound:
            return []

    def named(self, owner: str, word: str) -> Voice:
        """The owner's voice of this id, else of this name. Raises `VoiceNotFound`."""
        if is_id(word):
            with suppress(VoiceNotFound):
                return self.get(owner, word)
        return self._parts.voices.find(owner, word)

    # --- taking in ------------------------------------------------------------------------------

    def draft(self, owner: str, form: VoiceForm, sample: Upload, recording: Upload | None) -> Voice:
        """Examine what was sent; the voice that may be stored. Raises `FieldRefused`, `TranscriptNeeded`."""
        report = self._checks.diagnose(sample.file, form.ref_text, SAMPLE if form.upload_id is None else UPLOAD_ID)
        if recording is not None:
            self._checks.check_recording(recording.file)
        now = self._parts.clock()
        voice_id = new_id(now)
        return Voice(
            id=voice_id,
            owner=owner,
            name=form.name,
            sample=Sample(sample_key(voice_id), sample.sha256, sample.size, extension_of(sample.file)),
            report=report,
            ref_text=form.ref_text,
            language=form.language,
            consent=Consent(form.consent, now, consent_key(voice_id) if recording is not None else None),
            created_at=now,
            updated_at=now,
            labels=form.labels or {},
        )

    def add(self, voice: Voice, sample: Upload, recording: Upload | None) -> None:
        """Store a draft. What fails leaves nothing behind.

        Raises `VoiceNameTaken`, `TooManyVoices`, `Unavailable`.
        """
        try:
            self._put(voice.sample.key, sample)
            if recording is not None:
                self._put(consent_key(voice.id), recording)
            self._parts.voices.add(voice, limit=self._parts.settings.max_voices)
        except TimbreError:
            self._undo(voice)
            raise
        log.info("voice_added", voice_id=voice.id)

    def _put(self, key: str, upload: Upload) -> None:
        self._parts.blobs.put(key, upload.file, upload.size, BINARY)

    def _undo(self, voice: Voice) -> None:
        """A store that did not answer may still have written: take back what can be reached."""
        try:
            self._parts.blobs.delete_prefix(voice_prefix(voice.id))
            self._parts.voices.remove(voice.id)
        except VoiceNotFound:
            pass
        except TimbreError as error:
            log.warning("voice_left_behind", voice_id=voice.id, error=error.type)

    # --- changing -------------------------------------------------------------------------------

    def change(self, owner: str, voice_id: str, change: VoiceChange) -> Voice:
        """The voice with what was asked for changed, its report too where that is the transcript.

        Raises `VoiceNotFound`, `FieldRefused`, `TranscriptNeeded`, `VoiceNameTaken`, `Unavailable`.
        """
        voice = self.get(owner, voice_id)
        if not change.model_fields_set:
            return voice
        values: dict[str, Any] = {name: getattr(change, name) for name in change.model_fields_set}
        if values.get("ref_text", voice.ref_text) != voice.ref_text:
            values["report"] = self._checks.diagnose(
                io.BytesIO(self._parts.blobs.get(voice.sample.key)), change.ref_text
            )
        while True:
            try:
                return self._parts.voices.replace(voice, replace(voice, **values, updated_at=self._parts.clock()))
            except StaleVoice:
                voice = self.get(owner, voice_id)

    # --- deleting -------------------------------------------------------------------------------

    def delete(self, owner: str, voice_id: str, *, with_jobs: bool) -> None:
        """Audio first, record last: what fails halfway can be asked for again.

        With the audio gone no job begins to speak in the voice, so that all that was made with it can be found.
        Raises `VoiceNotFound`, `Unavailable`, and `DeletionUnfinished` where more jobs are to be deleted.
        """
        voice = self.get(owner, voice_id)
        self._parts.blobs.delete_prefix(voice_prefix(voice.id))
        if with_jobs:
            self._erase_jobs(voice)
        self._parts.voices.remove(voice.id)
        log.info("voice_deleted", voice_id=voice.id)

    def _erase_jobs(self, voice: Voice) -> None:
        for number, job in enumerate(self._jobs_of(voice)):
            if number == self._max_deleted_jobs:
                raise DeletionUnfinished(f"{number} jobs of this voice are deleted, and others remain. Ask again.")
            try:
                # One that is being spoken loses its lease with its record, and stops.
                erase(self._parts, job)
            except JobNotFound:
                continue

    def _jobs_of(self, voice: Voice) -> Iterator[Job]:
        """Newest first, down to those that are older than the voice."""
        cursor = None
        while True:
            page = self._parts.jobs.page(voice.owner, limit=_PAGE, cursor=cursor)
            yield from (job for job in page.jobs if speaks_in(job, voice.id))
            cursor = page.next_cursor
            if cursor is None or page.jobs[-1].created_at < voice.created_at:
                return
