"""Taking a request in: its reference into the blob store, its job into the job store, its id into the queue."""

import io
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any, Final

import structlog

from services.api.forms.speech import SpeechForm
from services.api.http.request_id import bound_request_id
from services.api.jobs.models import Models
from services.api.jobs.recalling import Recaller
from services.api.jobs.terms import PLAIN, Terms
from services.api.uploads.spool import BINARY, Upload
from services.api.voices.sample_voice import NamedReference, SampleVoice
from services.shared.dispatch import try_dispatch
from services.shared.errors import JobNotFound, QueueFull, TooManyJobs, Unavailable
from services.shared.job import (
    Job,
    JobInput,
    LongText,
    Speaker,
    long_text,
    own_inputs,
    reference_key,
    sample_copy_key,
    text_key,
)
from services.shared.line import Place
from services.shared.parts import Parts
from services.shared.voice import Voice

TEXT: Final = "text/plain; charset=utf-8"
#: Of a long text, in its job's record.
SHOWN_CHARACTERS: Final = 200

log = structlog.get_logger(__name__)


class Submitter:
    """Blocking, thread-safe. A job that was answered is durable; one that was refused leaves nothing behind."""

    def __init__(self, parts: Parts, models: Models) -> None:
        self._parts = parts
        self._models = models
        self._recaller = Recaller(parts)

    def submit(
        self,
        owner: str,
        form: SpeechForm,
        reference: Upload | Voice,
        job_id: str,
        terms: Terms = PLAIN,
        *,
        cast: Mapping[str, NamedReference] | None = None,
    ) -> tuple[Job, Place | None]:
        """Store as the job `job_id`, then enqueue, unless its audio is there already: the job, and where it stands.

        Raises `Unavailable` where a store is away; a queue that is away only delays. Raises `TooManyJobs` where as
        many of the owner's jobs are under way as `terms` allow, and `QueueFull`.

        Of a voice, the job keeps the sample's key and the transcript of this moment. `cast` is who speaks where a mark
        in the text says so.
        """
        long, text = long_text(form.text) if form.long else (None, b"")
        job = self.draft(owner, form, reference, job_id=job_id, terms=terms, long=long)
        cast = cast or {}
        speakers = tuple(Speaker(mark, **_reference_fields(job_id, form, voice)) for mark, voice in cast.items())
        job = replace(job, input=replace(job.input, speakers=speakers))
        place = self._store(job, text, [reference, *cast.values()], terms.concurrent_jobs)
        recalled = self._recaller.answer(job)
        if recalled:
            return recalled, None
        # Where as many messages wait as may, another is sent when a worker takes one of them.
        if place is None or place.sent < self._parts.settings.queue_lead:
            try_dispatch(self._parts, **job.log_ids())
        return job, place

    def draft(
        self,
        owner: str,
        form: SpeechForm,
        reference: Upload | Voice,
        *,
        job_id: str,
        terms: Terms,
        batch_id: str | None = None,
        long: LongText | None = None,
    ) -> Job:
        """The job that is to be stored. An upload that came with a batch is the batch's."""
        settings = self._parts.settings
        now = self._parts.clock()
        return Job(
            id=job_id,
            owner=owner,
            created_at=now,
            input=self._input(form, reference, batch_id or job_id, long),
            webhook_url=form.webhook_url,
            batch_id=batch_id,
            **self._language(form, reference),
            request_id=bound_request_id(),
            traceparent=self._parts.tracer.current(),
            priority=terms.priority,
            weight=terms.weight,
            deadline_at=form.deadline_at(now, settings),
            # Where there is one model, whoever is there speaks, by whatever name.
            model=form.model if settings.models else None,
        )

    def _input(self, form: SpeechForm, reference: Upload | Voice, holder_id: str, long: LongText | None) -> JobInput:
        settings, encoding = self._parts.settings, form.encoding()
        return JobInput(
            text=form.text[:SHOWN_CHARACTERS] if long else form.text,
            **_reference_fields(holder_id, form, reference),
            speed=settings.speed if form.speed is None else form.speed,
            seed=form.seed,
            nfe_step=form.steps(settings),
            cfg_strength=settings.cfg_strength if form.cfg_strength is None else form.cfg_strength,
            remove_silence=form.remove_silence,
            format=encoding.format,
            sample_rate=encoding.sample_rate,
            bit_depth=encoding.bit_depth,
            bitrate=encoding.bitrate,
            loudness=form.loudness,
            trim=form.trim,
            cache=form.may_be_cached(settings),
            stream=form.stream,
            long=long,
        )

    def _language(self, form: SpeechForm, reference: Upload | Voice) -> dict[str, Any]:
        voice = reference.language if isinstance(reference, Voice) else None
        spoken = self._models.known(form.model).languages.find(form.text, given=form.language, voice=voice)
        return {"language": spoken.language, "language_source": spoken.source}

    def _store(self, job: Job, text: bytes, references: Iterable[Upload | Voice], limit: int) -> Place | None:
        try:
            if job.input.long:
                self._parts.blobs.put(text_key(job.id), io.BytesIO(text), job.input.long.bytes, TEXT)
            put_uploads(self._parts, job.id, references)
            return self._parts.jobs.add(job, limit=limit, room_seconds=self._parts.settings.max_queued_seconds)
        except (TooManyJobs, QueueFull, Unavailable):
            self._undo(job)
            raise

    def _undo(self, job: Job) -> None:
        """A store that did not answer may still have written: take back what can be reached.

        The record first: a job that may be there needs its recordings.
        """
        try:
            with suppress(JobNotFound):
                self._parts.jobs.remove(job.id)
            for key in own_inputs(job):
                self._parts.blobs.delete(key)
        except Unavailable as error:
            log.warning("submission.undo_failed", job_id=job.id, error=error.type)


def _reference_fields(holder_id: str, form: SpeechForm, reference: Upload | Voice) -> dict[str, Any]:
    """What a job's input says of whom to follow."""
    if isinstance(reference, Voice):
        sample = reference.sample
        return {
            "reference_key": sample.key,
            "reference_sha256": sample.sha256,
            "ref_text": reference.ref_text,
            "voice_id": reference.id,
        }
    ref_text = reference.ref_text if isinstance(reference, SampleVoice) else form.ref_text
    return {
        "reference_key": _key(holder_id, reference),
        "reference_sha256": reference.sha256,
        "ref_text": ref_text,
        "voice_id": None,
    }


def put_uploads(parts: Parts, holder_id: str, references: Iterable[Upload | Voice]) -> None:
    """Store what is no stored voice's, each recording once, for a job or a batch. Raises `Unavailable`."""
    uploads = {_key(holder_id, one): one for one in references if isinstance(one, Upload)}
    for key, upload in uploads.items():
        parts.blobs.put(key, upload.file, upload.size, BINARY)


def _key(holder_id: str, upload: Upload) -> str:
    """A job or a batch may have the bundled recording beside one that was sent along."""
    return sample_copy_key(holder_id) if isinstance(upload, SampleVoice) else reference_key(holder_id)
