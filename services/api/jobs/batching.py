"""Batches: many texts of one request, all of which become jobs, or none; stopped and deleted together."""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Final

import structlog

from f5_tts_core.errors import TimbreError
from services.api.errors import BatchRefused, DeletionUnfinished, InvalidField, PayloadTooLarge
from services.api.forms.batch import ITEMS, BatchItem, Line, item_form, parse_item
from services.api.forms.speech import VOICE_ID, SharedFields, SpeechForm
from services.api.jobs.cancellation import cancel, erase
from services.api.jobs.checks import InputChecks
from services.api.jobs.models import Models
from services.api.jobs.submission import Submitter, put_uploads
from services.api.jobs.terms import Terms
from services.api.problems import problem_of
from services.api.uploads.spool import Upload
from services.api.voices.library import MAX_DELETED_JOBS, VoiceLibrary
from services.api.voices.named_voices import require_voice
from services.api.voices.sample_voice import NamedReference
from services.shared.batch import Batch, BatchEntry, new_batch
from services.shared.dispatch import try_dispatch
from services.shared.errors import (
    BatchNotFound,
    JobNotFound,
    QueueFull,
    TooManyJobs,
    TransitionRefused,
    Unavailable,
)
from services.shared.job import Job, input_prefix, new_id
from services.shared.links import problem_path
from services.shared.parts import Parts
from services.shared.voice import Voice

log = structlog.get_logger(__name__)

#: Wrong items that one answer tells of.
MAX_ERRORS: Final = 100
_PAGE: Final = 100


@dataclass(frozen=True)
class Planned:
    """An item that may be spoken."""

    form: SpeechForm
    reference: Upload | Voice
    custom_id: str | None


class Batcher:
    """Blocking, thread-safe."""

    def __init__(
        self,
        parts: Parts,
        checks: InputChecks,
        submitter: Submitter,
        library: VoiceLibrary,
        *,
        max_deleted_jobs: int = MAX_DELETED_JOBS,
    ) -> None:
        self._parts = parts
        self._checks = checks
        self._submitter = submitter
        self._library = library
        self._max_deleted_jobs = max_deleted_jobs

    def plan(
        self,
        owner: str,
        fields: SharedFields,
        lines: Iterable[Line],
        reference: Upload | Voice | None,
        *,
        drawn_from: Models | None,
    ) -> list[Planned]:
        """Check everything, before anything is stored. Where the model was drawn, items may need another of them.

        Raises `BatchRefused` with all wrong items, `PayloadTooLarge` for more than a batch may hold, and for the
        shared reference what `InputChecks.check_reference` raises.
        """
        if reference is not None:
            self._checks.check_reference(owner, fields, reference)
        planner = _Planner(self._checks, self._library, owner, fields, reference, drawn_from=drawn_from)
        errors = []
        characters = 0
        for count, line in enumerate(lines, 1):
            self._limit(count, "items", self._parts.settings.max_batch_items)
            try:
                characters += planner.add(line)
            except Unavailable:
                raise
            except TimbreError as error:
                errors.append(_error_of(line, error))
            self._limit(characters, "characters", self._parts.settings.max_batch_characters)
            if len(errors) == MAX_ERRORS:
                break
        if errors:
            which = "1 item is" if len(errors) == 1 else f"{len(errors)} items are"
            raise BatchRefused(f"{which} not valid, so no job was made of any.", errors)
        if not planner.planned:
            raise InvalidField(f"`{ITEMS}` holds no item.", field=ITEMS, accepted="at least one item")
        return planner.planned

    def _limit(self, count: int, what: str, limit: int) -> None:
        if count > limit:
            raise PayloadTooLarge(f"The batch has more than {limit} {what}.", field=ITEMS, accepted=f"at most {limit}")

    def submit(
        self,
        owner: str,
        planned: list[Planned],
        batch_id: str,
        terms: Terms,
        *,
        webhook_url: str | None = None,
    ) -> Batch:
        """Store the batch with all of its jobs, in one step. What fails leaves nothing behind.

        Raises `Unavailable`, `QueueFull`, and `TooManyJobs` where more of the owner's jobs would be under way than
        `terms` allow.

        Its jobs are sent by `send`, or found by the sweeper.
        """
        now = self._parts.clock()
        batch = new_batch(batch_id, owner, now, len(planned), webhook_url)
        # Sorted, so that they are spoken and listed in the order they were given in.
        ids = sorted(new_id(now) for _ in planned)
        jobs = [self._draft(batch, job_id, one, terms) for job_id, one in zip(ids, planned, strict=True)]
        try:
            put_uploads(self._parts, batch.id, (one.reference for one in planned))
            room_seconds = self._parts.settings.max_queued_seconds
            self._parts.batches.add(batch, jobs, limit=terms.concurrent_jobs, room_seconds=room_seconds)
        except (TooManyJobs, QueueFull, Unavailable):
            self._undo(batch, jobs)
            raise
        log.info("batch_added", batch_id=batch.id, jobs=len(jobs))
        return batch

    def _draft(self, batch: Batch, job_id: str, one: Planned, terms: Terms) -> Job:
        job = self._submitter.draft(batch.owner, one.form, one.reference, job_id=job_id, terms=terms, batch_id=batch.id)
        return replace(job, custom_id=one.custom_id)

    def _undo(self, batch: Batch, jobs: list[Job]) -> None:
        """A store that did not answer may still have written: take back what can be reached.

        The batch first: one that stays is whole, and one that is not there has no jobs.
        """
        try:
            with suppress(BatchNotFound):
                self._parts.batches.remove(batch.id)
                for job in jobs:
                    with suppress(JobNotFound):
                        self._parts.jobs.remove(job.id)
            self._parts.blobs.delete_prefix(input_prefix(batch.id))
        except Unavailable as error:
            log.warning("batch_left_behind", batch_id=batch.id, error=error.type)

    def send(self, batch: Batch) -> None:
        """Send the first of its jobs; the others follow in their turns. Where the queue is away, the sweeper sends."""
        try_dispatch(self._parts, **batch.log_ids())

    def entries(self, batch: Batch) -> Iterator[BatchEntry]:
        """All of them, in order, a page at a time."""
        for start in range(0, batch.total, _PAGE):
            yield from self._parts.batches.entries(batch.id, start, _PAGE)

    def cancel(self, batch: Batch) -> Batch:
        """Ask all jobs to stop that have not ended. Raises `TransitionRefused` where there is none."""
        if batch.is_over:
            raise TransitionRefused("All jobs of the batch have ended.")
        self._parts.batches.request_cancel(batch.id)
        for job in self._jobs(batch):
            # Ended or deleted meanwhile: all the better.
            with suppress(TransitionRefused, JobNotFound):
                cancel(self._parts, job)
        return self._parts.batches.get(batch.id)

    def delete(self, batch: Batch) -> None:
        """The recordings first, so that no other job begins; the batch last: what fails halfway can be asked for again.

        Raises `Unavailable`, and `DeletionUnfinished` where more jobs are to be deleted.
        """
        self._parts.blobs.delete_prefix(input_prefix(batch.id))
        for number, job in enumerate(self._jobs(batch)):
            if number == self._max_deleted_jobs:
                raise DeletionUnfinished(f"{number} jobs of the batch are deleted, and others remain. Ask again.")
            with suppress(JobNotFound):
                # One that is being spoken loses its lease with its record, and stops.
                erase(self._parts, job)
        self._parts.batches.remove(batch.id)
        log.info("batch_deleted", batch_id=batch.id)

    def _jobs(self, batch: Batch) -> Iterator[Job]:
        return (entry.job for entry in self.entries(batch) if entry.job is not None)


class _Planner:
    """Makes requests of one batch's items. Each voice is found and checked once for each model."""

    def __init__(
        self,
        checks: InputChecks,
        library: VoiceLibrary,
        owner: str,
        fields: SharedFields,
        reference: Upload | Voice | None,
        *,
        drawn_from: Models | None,
    ) -> None:
        self.planned: list[Planned] = []
        self._checks = checks
        self._library = library
        self._owner = owner
        self._fields = fields
        self._shared = reference
        self._drawn_from = drawn_from
        #: By name or id, and by the model that is to follow them.
        self._voices: dict[tuple[str, str | None], NamedReference] = {}
        self._names: set[str] = set()

    def add(self, line: Line) -> int:
        """How many characters it has. Raises `FieldRefused`, `TranscriptNeeded`, `InvalidField`, `Unavailable`."""
        item = parse_item(line)
        sent = item_form(self._fields, item)
        if self._drawn_from is not None and item.model is None:
            sent = self._drawn_from.redraw(sent)
        form = self._checks.check_text(self._owner, sent)
        reference = self._reference(item, form)
        self._keep_apart(item.custom_id)
        self.planned.append(Planned(form, reference, item.custom_id))
        return len(sent.text)

    def _reference(self, item: BatchItem, form: SpeechForm) -> Upload | Voice:
        if item.voice_id is not None:
            return self._voice(item.voice_id, form)
        if self._shared is None:
            raise InvalidField("`voice_id` is missing.", field=VOICE_ID, accepted="a voice, here or for all items")
        return self._shared

    def _voice(self, named: str, form: SpeechForm) -> NamedReference:
        key = (named, form.model)
        if key not in self._voices:
            voice = require_voice(self._library, self._owner, named, VOICE_ID)
            self._checks.check_reference(self._owner, form, voice)
            self._voices[key] = voice
        return self._voices[key]

    def _keep_apart(self, custom_id: str | None) -> None:
        if custom_id is None:
            return
        if custom_id in self._names:
            accepted = "a name that no other item has"
            raise InvalidField("`custom_id` is another item's too.", field="custom_id", accepted=accepted)
        self._names.add(custom_id)


def _error_of(line: Line, error: TimbreError) -> dict[str, Any]:
    problem = problem_of(error)
    members = {"line": line.number, "type": problem_path(problem.type), "detail": problem.detail, **problem.more}
    return {name: value for name, value in members.items() if value is not None}
