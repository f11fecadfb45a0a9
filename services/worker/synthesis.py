"""The worker's use case: take one job, speak it, and leave it ended or given back, whatever happens on the way."""

import io
import time
from collections.abc import Callable
from dataclasses import replace
from functools import cache, partial
from typing import TypeVar

import structlog

from f5_tts_core.cache import WeighedCache
from f5_tts_core.engine import Engine, ignore
from f5_tts_core.errors import Canceled, EngineError, TimbreError
from f5_tts_core.stopwatch import Stopwatch
from f5_tts_core.types import Reference, Synthesis
from services.shared.dialogue import NARRATOR
from services.shared.dispatch import try_dispatch
from services.shared.errors import BlobNotFound, JobNotFound, LeaseLost, Unavailable
from services.shared.hooks import AudioChain
from services.shared.job import Job, JobOutput, JobStatus, confirm_cancel, output_key, succeed
from services.shared.pace import workload
from services.shared.parts import Parts
from services.shared.recall import Recall
from services.worker.amending import amend
from services.worker.broadcast import Broadcast
from services.worker.chapters import ChapterSpeaker
from services.worker.claiming import take
from services.worker.cleaning import close, discard_attempt
from services.worker.figures import first_heard, running
from services.worker.lease import Interruption, Lease
from services.worker.leases import Leases
from services.worker.places import Places
from services.worker.references import ReferenceReader
from services.worker.results import Result, encode_result
from services.worker.retry import patiently
from services.worker.speaking import request_of, speak
from services.worker.verdicts import verdict

T = TypeVar("T")

logger = structlog.get_logger(__name__)

#: Seconds between two looks at an identical job that is being spoken.
_RECALL_SECONDS = 0.2
#: Of uploads kept in memory: some hundred clips.
_UPLOADS_BYTES = 32 * 1024 * 1024


class SynthesisRunner:
    """Runs jobs by id; one for a process, called from as many threads as the engine takes requests."""

    def __init__(
        self,
        parts: Parts,
        engine: Engine,
        references: ReferenceReader,
        hooks: AudioChain,
        *,
        worker: str,
        stopping: Callable[[], bool],
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """`stopping` turns true when the worker has no more time and running jobs are to be given back."""
        self._parts = parts
        self._settings = parts.settings
        self._engine = engine
        self._references = references
        self._hooks = hooks
        self._worker = worker
        self._stopping = stopping
        self._sleep = sleep
        self._recall = Recall(parts)
        self._uploads: WeighedCache[bytes] = WeighedCache(_UPLOADS_BYTES, len)
        self._places = Places(parts.settings.max_concurrency)
        self._leases = Leases(parts.settings.max_concurrency, parts.settings.heartbeat_seconds)
        self._chapters = ChapterSpeaker(parts, engine, references, hooks, self._places)

    def run(self, job_id: str) -> JobStatus | None:
        """What this call made of the job; None where it was not ours, or is another's by now. Does not raise."""
        job = None if self._stopping() else self._take(job_id)
        # One message less waits: the next in line is sent while this job is worked on.
        try_dispatch(self._parts)
        if job is None:
            return None
        with structlog.contextvars.bound_contextvars(**job.log_ids(), attempt=job.attempt):
            return self._close(job) if job.status.is_terminal else self._attempt(job)

    def beat(self) -> None:
        """Keep the leases of all jobs under way. To be called at every heartbeat, from a thread beside."""
        self._leases.beat()

    def _take(self, job_id: str) -> Job | None:
        try:
            return self._patiently(lambda: take(self._parts, job_id, self._worker))
        except Unavailable:
            logger.warning("claim_unanswered", job_id=job_id)  # Still queued: the sweeper sends it again.
            return None

    def _attempt(self, job: Job) -> JobStatus | None:
        logger.info("attempt_started")
        lease = self._lease(job)
        with self._leases.keep(lease), running(self._parts.meter), self._places.attempt():
            try:
                return self._complete(job, lease)
            except Exception as error:
                return self._give_up(job, error)

    def _lease(self, job: Job) -> Lease:
        return Lease(
            self._parts.jobs,
            job,
            clock=self._parts.clock,
            lease_seconds=self._settings.lease_seconds,
            heartbeat_seconds=self._settings.heartbeat_seconds,
            stopping=self._stopping,
        )

    # --- the work -------------------------------------------------------------------------------

    def _complete(self, job: Job, lease: Lease) -> JobStatus:
        watch = Stopwatch(self._parts.clock)
        recordings = self._fetch(job, lease)
        watch.lap("fetch_seconds")
        # Not before: a job whose voice was deleted meanwhile is not answered with what was spoken in it.
        recalled = self._recall_audio(job, lease)
        watch.lap("recall_seconds")
        if recalled is not None:
            return self._commit(job, recalled, _stages(job, watch), lease)
        if job.input.in_chunks:
            chapter = self._chapters.speak(job, recordings, lease, partial(self._patiently, check=lease.check))
            return self._commit(job, chapter.output, {**chapter.metrics, **_stages(job, watch)}, lease)
        reference = self._references.read(recordings[NARRATOR], job.input.ref_text)
        if job.input.ref_text is None:
            lease.check()  # Somebody had to listen to it first, which takes a while.
        watch.lap("transcribe_seconds")
        synthesis = self._speak(job, reference, lease)
        watch.lap("synthesis_seconds")
        result = encode_result(job, synthesis)
        watch.lap("encode_seconds")
        self._upload(job, result, lease)
        watch.lap("upload_seconds")
        return self._commit(job, result.output, _metrics(job, synthesis, watch), lease)

    def _fetch(self, job: Job, lease: Lease) -> dict[str, bytes]:
        """The references, by mark. What comes with job after job is fetched once.

        Not so a stored voice's: that it lies in the store still tells that it was not deleted.
        """

        @cache  # Who speaks a dialogue's beginning may be one of its speakers.
        def get(key: str) -> bytes:
            return self._patiently(lambda: self._parts.blobs.get(key), lease.check)

        own = partial(get, job.input.reference_key)
        first = own() if job.input.voice_id else self._uploads.get(job.input.reference_sha256, own)
        return {NARRATOR: first, **{speaker.mark: get(speaker.reference_key) for speaker in job.input.speakers}}

    def _recall_audio(self, job: Job, lease: Lease) -> JobOutput | None:
        """A copy, the job's own, of what an identical one has; None where this one is to be spoken."""

        def wait() -> None:
            self._sleep(_RECALL_SECONDS)
            lease.check()

        engine = self._hooks.mark(self._engine.describe())
        found = self._patiently(lambda: self._recall.find_or_lead(job, engine, wait), lease.check)
        if found is None:
            return None
        key = output_key(job.id, job.attempt, found.format)
        try:
            self._patiently(lambda: self._parts.blobs.copy(found.key, key), lease.check)
        except BlobNotFound:
            return None  # Deleted just now.
        return replace(found, key=key, cached=True)

    def _speak(self, job: Job, reference: Reference, lease: Lease) -> Synthesis:
        request = request_of(job.input, job.input.text, reference)
        broadcast = Broadcast(self._parts.audio, job)
        send = first_heard(self._parts, job, broadcast.send)
        on_audio = ignore if self._hooks else send
        synthesis = speak(self._engine, request, lease, on_progress=lease.report, on_audio=on_audio)
        if self._hooks:
            # They see the whole of it, and nobody hears what they have not seen.
            synthesis = replace(synthesis, audio=self._hooks.process(synthesis.audio, job.owner, lease.check))
            send(synthesis.audio)
        broadcast.end()
        return synthesis

    def _upload(self, job: Job, result: Result, lease: Lease) -> None:
        output, media_type = result.output, job.input.encoding.media_type

        def put() -> None:
            self._parts.blobs.put(output.key, io.BytesIO(result.content), output.bytes, media_type)

        self._patiently(put, lease.check)

    def _commit(self, job: Job, output: JobOutput, metrics: dict[str, float], lease: Lease) -> JobStatus:
        """Raises `LeaseLost` where another attempt, or an end, came first."""
        now = self._parts.clock()
        kept = replace(output, expires_at=now + self._settings.audio_seconds)

        def finish(current: Job) -> Job:
            if current.output == kept:
                return current  # Stored already, by a try whose answer was lost.
            if current.cancel_requested:
                return confirm_cancel(current, job.attempt, now)
            return succeed(current, job.attempt, kept, metrics, now)

        ended = self._patiently(lambda: amend(self._parts.jobs, job, finish), lease.check)
        # What was not spoken anew took no time to speak.
        spoken = not output.cached and not metrics.get("chunks_reused")
        if ended.status is JobStatus.SUCCEEDED and spoken:
            self._note_pace(ended)
        return self._close(ended)

    def _note_pace(self, job: Job) -> None:
        try:
            self._parts.pace.note(job.metrics["total_seconds"], workload(job.input))
        except Unavailable:
            logger.warning("pace_not_noted")  # One of many that the average is made of.

    # --- the other ends -------------------------------------------------------------------------

    def _give_up(self, job: Job, error: Exception) -> JobStatus | None:
        _log_reason(error)
        try:
            settled = self._settle(job, error)
        except Unavailable:
            # The lease runs out, and the sweeper gives the job to another attempt. The audio stays: who knows
            # whether it was committed.
            logger.warning("settling_unanswered")
            return None
        except (LeaseLost, JobNotFound):
            logger.info("attempt_discarded")
            settled = None
        discard_attempt(self._parts, job)
        return self._hand_over(settled) if settled else None

    def _settle(self, job: Job, error: Exception) -> Job:
        now = self._parts.clock()

        def change(current: Job) -> Job:
            return verdict(current, job.attempt, error, now=now, max_attempts=self._settings.max_attempts)

        # Past the lease others may take the job anyway; a stopping worker has no time at all.
        seconds = 0.0 if self._stopping() else self._settings.lease_seconds
        return self._patiently(lambda: amend(self._parts.jobs, job, change), seconds=seconds)

    def _hand_over(self, job: Job) -> JobStatus:
        if job.status.is_terminal:
            return self._close(job)
        logger.info("job_released", not_before=job.not_before, setbacks=job.setbacks)
        if job.not_before <= self._parts.clock():
            try_dispatch(self._parts)
        return job.status

    def _close(self, job: Job) -> JobStatus:
        logger.info("job_ended", status=str(job.status), fault=job.fault.type if job.fault else None)
        close(self._parts, job)
        return job.status

    def _patiently(
        self, call: Callable[[], T], check: Callable[[], None] = lambda: None, *, seconds: float | None = None
    ) -> T:
        patience = self._settings.storage_retry_seconds if seconds is None else seconds
        return patiently(call, seconds=patience, clock=self._parts.clock, sleep=self._sleep, check=check)


def _metrics(job: Job, synthesis: Synthesis, watch: Stopwatch) -> dict[str, float]:
    """Seconds by stage, and the real-time factor: seconds of work for a second of speech."""
    engine = {f"engine_{stage}_seconds": seconds for stage, seconds in synthesis.timings.items()}
    factor = watch.seconds["synthesis_seconds"] / max(synthesis.audio.seconds, 1e-9)
    return {**_stages(job, watch), **engine, "real_time_factor": factor}


def _stages(job: Job, watch: Stopwatch) -> dict[str, float]:
    queued = (job.started_at or job.created_at) - job.created_at
    return {"queue_seconds": queued, **watch.seconds, "total_seconds": watch.total()}


def _log_reason(error: Exception) -> None:
    """Faults of ours with their traceback; everything else by its name alone: messages may quote the client."""
    ours = isinstance(error, EngineError) or not isinstance(error, TimbreError | Interruption)
    if ours and not isinstance(error, Canceled):
        logger.error("attempt_failed", reason=type(error).__name__, exc_info=error)
    else:
        logger.info("attempt_ended_early", reason=type(error).__name__)
