"""Answering a request at once with what was spoken before, without a worker."""

from dataclasses import replace
from typing import Final

import structlog

from f5_tts_core.types import EngineInfo
from services.shared.errors import BlobNotFound, JobNotFound, LeaseLost, StaleJob, Unavailable
from services.shared.inputs import drop_inputs
from services.shared.job import Job, JobOutput, claim, output_key, succeed
from services.shared.job_codec import from_known_fields
from services.shared.parts import Parts
from services.shared.recall import Recall

log = structlog.get_logger(__name__)

#: Who such a job was done by.
_WORKER: Final = "recall"
#: In the key of its audio: workers count their attempts from 1, so that none ever writes there.
_ATTEMPT: Final = 0


class Recaller:
    """Blocking, thread-safe. Best effort: what is not answered here, a worker looks for once more, or speaks."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._recall = Recall(parts)

    def answer(self, job: Job) -> Job | None:
        """A stored job, succeeded with a copy of what an identical one has; None where there is none."""
        if not job.input.cache:
            return None
        try:
            engine = self._engine(job)
            found = self._recall.find(job, engine) if engine else None
            return self._succeed(job, found) if found else None
        except (Unavailable, BlobNotFound, JobNotFound, StaleJob, LeaseLost) as error:
            log.info("recall.failed", job_id=job.id, error=error.type)
            return None

    def _engine(self, job: Job) -> EngineInfo | None:
        """What would speak it; None while nothing is ready, or more than one model."""
        ready = [beat for beat in self._parts.workers.ready() if beat.serves(job.model)]
        infos = [from_known_fields(EngineInfo, dict(beat.info)) for beat in ready]
        models = {(info.engine, info.model, info.vocoder, info.fingerprint) for info in infos}
        return infos[0] if len(models) == 1 else None

    def _succeed(self, job: Job, found: JobOutput) -> Job:
        """The audio first. Who dies once the job is claimed leaves it to be spoken when the lease runs out."""
        settings, started = self._parts.settings, self._parts.clock()
        key = output_key(job.id, _ATTEMPT, found.format)
        self._parts.blobs.copy(found.key, key)
        now = self._parts.clock()
        output = replace(found, key=key, cached=True, expires_at=now + settings.audio_seconds)
        claimed = self._parts.jobs.replace(job, claim(job, _WORKER, now, settings.lease_seconds))
        metrics = {"queue_seconds": 0.0, "total_seconds": now - started}
        ended = self._parts.jobs.replace(claimed, succeed(claimed, claimed.attempt, output, metrics, now))
        drop_inputs(self._parts, ended)
        return ended
