"""All parts of a process, in memory."""

from typing import Any

from services.shared.outbound.testing import MemoryBucketReader, MemoryOutbound
from services.shared.parts import Parts
from services.shared.ports import Clock
from services.shared.settings import Settings
from services.shared.testing.audio import MemoryAudioChannel
from services.shared.testing.batches import MemoryBatchStore
from services.shared.testing.blobs import MemoryBlobStore
from services.shared.testing.clock import ManualClock
from services.shared.testing.events import MemoryJobEvents
from services.shared.testing.idempotency import MemoryIdempotencyKeys
from services.shared.testing.jobs import MemoryJobStore
from services.shared.testing.keys import MemoryKeyStore, MemoryRateLimiter
from services.shared.testing.line import MemoryJobLine
from services.shared.testing.pace import MemoryPaceKeeper
from services.shared.testing.queue import MemoryJobQueue
from services.shared.testing.results import MemoryResultIndex
from services.shared.testing.scanning import MemoryScanner
from services.shared.testing.secrets import MemorySecretVersions
from services.shared.testing.voices import MemoryVoiceStore
from services.shared.testing.webhooks import MemoryWebhookStore
from services.shared.testing.workers import MemoryWorkerRegistry


def make_settings(**overrides: Any) -> Settings:
    """Settings of a stack that does not exist, whatever the environment says."""
    values: dict[str, Any] = {
        "redis_url": "redis://:redis-password@127.0.0.1:1/0",
        "s3_endpoint": "http://127.0.0.1:1",
        "s3_access_key": "access-key",
        "s3_secret_key": "secret-key",
        "engine": "tone",
        "transcriber": "none",
    }
    return Settings(**values | overrides)


def memory_parts(*, clock: Clock | None = None, settings: Settings | None = None, **overrides: Any) -> Parts:
    """Parts in memory that share one clock. `overrides` are settings."""
    time = clock or ManualClock()
    chosen = settings or make_settings(**overrides)
    jobs = MemoryJobStore(time, ttl_seconds=chosen.job_ttl_seconds)
    batches = MemoryBatchStore(jobs, time, ttl_seconds=chosen.job_ttl_seconds)
    return Parts(
        settings=chosen,
        clock=time,
        jobs=jobs,
        blobs=MemoryBlobStore(time),
        line=MemoryJobLine(jobs),
        queue=MemoryJobQueue(),
        workers=MemoryWorkerRegistry(time),
        batches=batches,
        voices=MemoryVoiceStore(),
        webhooks=MemoryWebhookStore(jobs, batches),
        outbound=MemoryOutbound(chosen.outbound_allowed_hosts),
        buckets=MemoryBucketReader(),
        events=MemoryJobEvents(jobs.watchers),
        pace=MemoryPaceKeeper(),
        idempotency=MemoryIdempotencyKeys(time),
        results=MemoryResultIndex(time),
        keys=MemoryKeyStore(),
        rates=MemoryRateLimiter(time),
        audio=MemoryAudioChannel(time, jobs.watchers, kept=chosen.stream_pieces, ttl_seconds=chosen.stream_ttl_seconds),
        secrets=MemorySecretVersions(),
        scanner=MemoryScanner() if chosen.clamd_address else None,
    )
