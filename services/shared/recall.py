"""Speaking nothing twice: a job may have the audio of an identical one, also of one that is being spoken right now."""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from importlib.metadata import version
from typing import Final

from f5_tts_core.types import EngineInfo
from services.shared.errors import JobNotFound
from services.shared.job import Job, JobInput, JobOutput, JobStatus, Speaker
from services.shared.lifetimes import has_audio
from services.shared.parts import Parts
from services.shared.settings import Settings

#: What a job is asked for that does not change how it sounds: references, its speakers' too, are told by their hashes.
#: So two voices of one recording are as one. Both are the same owner's, and a worker asks for each before it asks here.
_SILENT: Final = ("reference_key", "voice_id", "cache")
#: Read once: it is in a file, and a long text has a digest a chunk.
_RELEASE: Final = version("timbre")


def digest_of(owner: str, engine: EngineInfo, settings: Settings, asked: Mapping[str, object]) -> str:
    """Tells what an owner had spoken from everything else: by who speaks it, and all that is `asked`."""
    model = (engine.engine, engine.model, engine.vocoder, engine.fingerprint, settings.target_rms)
    document = json.dumps([owner, _RELEASE, model, asked], sort_keys=True)
    return hashlib.sha256(document.encode()).hexdigest()


class Recall:
    """Thread-safe. Knows what was spoken for the same owner, by the same model and release. May raise `Unavailable`."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._settings = parts.settings

    def find(self, job: Job, engine: EngineInfo) -> JobOutput | None:
        """What an identical job has, where it has been spoken by `engine`."""
        digest = self._digest(job, engine)
        named = digest and self._parts.results.named(digest)
        other = self._read(named) if named else None
        return other.output if other and self._has_audio(other) else None

    def find_or_lead(self, job: Job, engine: EngineInfo, wait: Callable[[], None]) -> JobOutput | None:
        """What an identical job has; None where this one is to be spoken, and others wait for it from then on.

        While an identical job is being spoken, calls `wait` again and again, which may end that by raising. One that
        fails, is canceled or loses its worker is waited for no more. A job that is listened to waits for none: its
        listeners would hear nothing until the other one's end.
        """
        digest = self._digest(job, engine)
        named = self._take(digest, job.id) if digest else job.id
        while named != job.id:
            other = self._read(named)
            if other and self._has_audio(other):
                return other.output
            if other and self._is_spoken_now(other):
                if job.input.stream:
                    return None
                wait()
                named = self._take(digest, job.id)
            else:
                named = self._take(digest, job.id, instead_of=named)
        return None

    def _digest(self, job: Job, engine: EngineInfo) -> str:
        """Of all that the sound depends on; empty where that is not known, or the job does not share its audio."""
        if not (engine.fingerprint and job.input.cache and self._settings.result_cache):
            return ""
        asked = {**_audible(job.input), "speakers": [_audible(speaker) for speaker in job.input.speakers]}
        return digest_of(job.owner, engine, self._settings, asked)

    def _take(self, digest: str, job_id: str, *, instead_of: str | None = None) -> str:
        seconds = self._settings.job_ttl_seconds
        return self._parts.results.take(digest, job_id, instead_of=instead_of, ttl_seconds=seconds)

    def _read(self, job_id: str) -> Job | None:
        try:
            return self._parts.jobs.get(job_id)
        except JobNotFound:
            return None

    def _has_audio(self, job: Job) -> bool:
        return has_audio(job, self._settings, self._parts.clock())

    def _is_spoken_now(self, job: Job) -> bool:
        return job.status is JobStatus.PROCESSING and (job.lease_until or 0.0) > self._parts.clock()


def _audible(asked: JobInput | Speaker) -> dict[str, object]:
    return {name: value for name, value in asdict(asked).items() if name not in _SILENT}
