"""A worker in memory: every part fake, the clock by hand, the engine a tone that acts on cue."""

import hashlib
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import pytest

from f5_tts_core.engine import AudioCallback, CancelCallback, ProgressCallback, ignore
from f5_tts_core.testing import ToneEngine, speech_like, wav_bytes
from f5_tts_core.types import EngineInfo, Synthesis, SynthesisRequest
from services.shared.hooks import AudioChain, AudioHook
from services.shared.job import Job, JobStatus, long_text, mark_enqueued, text_key
from services.shared.outbound.testing import MemoryOutbound
from services.shared.parts import Parts
from services.shared.ports import Meter
from services.shared.telemetry.observed import observed
from services.shared.telemetry.silent import SilentMeter
from services.shared.testing import (
    ManualClock,
    MemoryBlobStore,
    MemoryJobQueue,
    MemoryJobStore,
    ScriptedTranscriber,
    make_job,
    make_settings,
    memory_parts,
)
from services.shared.testing.audio import MemoryAudioChannel
from services.shared.testing.batches import MemoryBatchStore
from services.shared.testing.line import MemoryJobLine
from services.shared.testing.pace import MemoryPaceKeeper
from services.shared.testing.results import MemoryResultIndex
from services.shared.testing.webhooks import MemoryWebhookStore
from services.worker.references import ReferenceReader
from services.worker.synthesis import SynthesisRunner

REFERENCE = wav_bytes(speech_like(2.5))


class CuedEngine:
    """A tone engine that calls `cues[n]` before its n-th solver step is reported, and counts the steps it took."""

    def __init__(self) -> None:
        self.tone = ToneEngine()
        self.tone.load()
        self.cues: dict[int, Callable[[], None]] = {}
        self.fault: Exception | None = None
        self.steps = 0
        self.requests: list[SynthesisRequest] = []

    def load(self) -> None:
        self.tone.load()

    def synthesize(
        self,
        request: SynthesisRequest,
        *,
        on_progress: ProgressCallback | None = None,
        should_cancel: CancelCallback | None = None,
        on_audio: AudioCallback = ignore,
    ) -> Synthesis:
        self.requests.append(request)
        self.steps = 0
        if self.fault:
            raise self.fault

        def progress(share: float) -> None:
            self.steps += 1
            self.cues.get(self.steps, lambda: None)()
            if on_progress:
                on_progress(share)

        return self.tone.synthesize(request, on_progress=progress, should_cancel=should_cancel, on_audio=on_audio)

    def chunks(self, request: SynthesisRequest) -> Sequence[str]:
        return self.tone.chunks(request)

    def describe(self) -> EngineInfo:
        return self.tone.describe()

    def close(self) -> None:
        self.tone.close()


class WatchedJobs(MemoryJobStore):
    """Remembers every status that was stored, can lose replies, and lets a rival act just before a write."""

    def __init__(self, clock: ManualClock, ttl_seconds: float) -> None:
        super().__init__(clock, ttl_seconds=ttl_seconds)
        self.history: list[JobStatus] = []
        self._revisions: dict[str, int] = {}
        self.replies_to_lose = 0
        self.before_replace: Callable[[], None] | None = None

    def replace(self, old: Job, new: Job) -> Job:
        if self.before_replace:
            rival, self.before_replace = self.before_replace, None
            rival()
        stored = super().replace(old, new)
        if self._revisions.get(old.id) != stored.revision:
            self._revisions[old.id] = stored.revision
            self.history.append(stored.status)
        if self.replies_to_lose:
            self.replies_to_lose -= 1
            self.down = True
            self.ping()
        return stored


@dataclass
class Bench:
    """One worker process, its surroundings, and hands to shake them."""

    clock: ManualClock = field(default_factory=ManualClock)
    engine: CuedEngine = field(default_factory=CuedEngine)
    transcriber: ScriptedTranscriber = field(default_factory=ScriptedTranscriber)
    hooks: dict[str, AudioHook] = field(default_factory=dict)
    meter: Meter = field(default_factory=SilentMeter)
    red: bool = False
    #: Run, one after the other, whenever the worker sleeps between tries.
    on_sleep: list[Callable[[], None]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.blobs = MemoryBlobStore(self.clock)
        self.queue = MemoryJobQueue()
        self.outbound = MemoryOutbound()
        self.pace = MemoryPaceKeeper()
        self.results = MemoryResultIndex(self.clock)
        self.settings = make_settings(heartbeat_seconds=4.0, lease_seconds=10.0)
        self.jobs = WatchedJobs(self.clock, self.settings.job_ttl_seconds)
        self.audio = MemoryAudioChannel(self.clock, self.jobs.watchers)
        self.batches = MemoryBatchStore(self.jobs, self.clock)
        self.webhooks = MemoryWebhookStore(self.jobs, self.batches)

    @property
    def parts(self) -> Parts:
        shared = memory_parts(clock=self.clock, settings=self.settings)
        parts = replace(
            shared,
            jobs=self.jobs,
            line=MemoryJobLine(self.jobs),
            blobs=self.blobs,
            queue=self.queue,
            batches=self.batches,
            webhooks=self.webhooks,
            outbound=self.outbound,
            pace=self.pace,
            results=self.results,
            audio=self.audio,
        )
        return observed(parts, self.meter)

    def configure(self, **settings: object) -> None:
        self.settings = make_settings(**{"heartbeat_seconds": 4.0, "lease_seconds": 10.0} | settings)

    def runner(self, worker: str = "worker-a", engine: CuedEngine | None = None) -> SynthesisRunner:
        return SynthesisRunner(
            self.parts,
            engine or self.engine,
            ReferenceReader(self.transcriber, max_seconds=12.0, target_rms=0.1),
            AudioChain(self.hooks),
            worker=worker,
            stopping=lambda: self.red,
            sleep=self._sleep,
        )

    def _sleep(self, seconds: float) -> None:
        self.clock.advance(seconds)
        if self.on_sleep:
            self.on_sleep.pop(0)()

    def submit(self, reference: bytes | None = REFERENCE, *, sent: bool = True, **overrides: object) -> Job:
        """A job as the API leaves it: reference stored, record written, message (by the record) sent."""
        job = make_job(**{"created_at": self.clock(), "seed": 7} | overrides)
        if reference is not None:
            self.blobs.put(job.input.reference_key, io.BytesIO(reference), len(reference), "audio/wav")
        self.jobs.add(job)
        return self.jobs.replace(job, mark_enqueued(job, self.clock())) if sent else job

    def submit_long(self, text: str, **overrides: object) -> Job:
        """A job of a text that lies beside its record; it has a seed, and shares its chunks."""
        long, content = long_text(text)
        job = self.submit(**{"text": text[:20], "long": long, "cache": True, "speed": 2.0} | overrides)
        self.blobs.put(text_key(job.id), io.BytesIO(content), len(content), "text/plain")
        return job

    def stored_sha256(self, job: Job) -> str:
        assert job.output is not None
        return hashlib.sha256(self.blobs.get(job.output.key)).hexdigest()

    def outputs(self) -> list[str]:
        return sorted(key for key in self.blobs.blobs if key.startswith("outputs/"))

    def touch(self, job_id: str) -> None:
        """Bump the revision, as any writer beside the worker does."""
        job = self.jobs.get(job_id)
        self.jobs.replace(job, replace(job, metrics={"touched": self.clock()}))


@pytest.fixture
def bench() -> Bench:
    return Bench()
