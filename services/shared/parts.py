"""Everything outside a process that its use cases speak to, wired once per process."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from minio import Minio
from pydantic import HttpUrl

from services.shared.adapters.celery_queue import CeleryJobQueue, create_celery
from services.shared.adapters.clamd import ClamdScanner
from services.shared.adapters.redis_audio import RedisAudioChannel
from services.shared.adapters.redis_batches import RedisBatchStore
from services.shared.adapters.redis_client import connect_redis
from services.shared.adapters.redis_events import RedisJobEvents
from services.shared.adapters.redis_idempotency import RedisIdempotencyKeys
from services.shared.adapters.redis_jobs import RedisJobStore
from services.shared.adapters.redis_keys import RedisKeyStore
from services.shared.adapters.redis_line import RedisJobLine
from services.shared.adapters.redis_pace import RedisPaceKeeper
from services.shared.adapters.redis_rates import RedisRateLimiter
from services.shared.adapters.redis_results import RedisResultIndex
from services.shared.adapters.redis_secrets import RedisSecretVersions
from services.shared.adapters.redis_voices import RedisVoiceStore
from services.shared.adapters.redis_webhooks import RedisWebhookStore
from services.shared.adapters.redis_workers import RedisWorkerRegistry
from services.shared.adapters.s3_blobs import S3BlobStore, connect_s3
from services.shared.adapters.s3_buckets import S3BucketReader
from services.shared.outbound.client import HttpOutbound
from services.shared.outbound.guard import Guard, resolve
from services.shared.ports import (
    AudioChannel,
    BatchStore,
    BlobStore,
    BucketReader,
    Clock,
    IdempotencyKeys,
    JobEvents,
    JobLine,
    JobQueue,
    JobStore,
    KeyStore,
    Meter,
    Outbound,
    PaceKeeper,
    RateLimiter,
    ResultIndex,
    SecretVersions,
    Tracer,
    UploadScanner,
    VoiceStore,
    WebhookStore,
    WorkerRegistry,
)
from services.shared.settings import Settings
from services.shared.telemetry.silent import SilentMeter, SilentTracer


@dataclass(frozen=True)
class Parts:
    """Shared by all threads of a process. `close` gives connections back; the parts are of no use after it."""

    settings: Settings
    clock: Clock
    jobs: JobStore
    blobs: BlobStore
    line: JobLine
    queue: JobQueue
    workers: WorkerRegistry
    batches: BatchStore
    voices: VoiceStore
    webhooks: WebhookStore
    outbound: Outbound
    buckets: BucketReader
    #: Closed by the event loop that it is used on, where there is one.
    events: JobEvents
    pace: PaceKeeper
    idempotency: IdempotencyKeys
    results: ResultIndex
    keys: KeyStore
    rates: RateLimiter
    audio: AudioChannel
    secrets: SecretVersions
    #: None: uploads are not scanned.
    scanner: UploadScanner | None
    meter: Meter = field(default_factory=SilentMeter)
    tracer: Tracer = field(default_factory=SilentTracer)
    closers: tuple[Callable[[], None], ...] = field(default=(), repr=False)

    def close(self) -> None:
        for close in self.closers:
            close()


def connect(settings: Settings, clock: Clock = time.time) -> Parts:
    """The parts that the settings name. Nothing is asked of a server before a part is first used."""
    url = settings.redis_url.get_secret_value()
    redis = connect_redis(url)
    audio = connect_redis(url, decode_responses=False)
    celery = create_celery(settings)
    return Parts(
        settings=settings,
        clock=clock,
        jobs=RedisJobStore(redis, ttl_seconds=settings.job_ttl_seconds),
        blobs=_blob_store(settings, clock),
        line=RedisJobLine(redis),
        queue=CeleryJobQueue(celery),
        workers=RedisWorkerRegistry(redis),
        batches=RedisBatchStore(redis),
        voices=RedisVoiceStore(redis),
        webhooks=RedisWebhookStore(redis),
        outbound=HttpOutbound(Guard(settings.outbound_allowed_hosts, resolve)),
        buckets=S3BucketReader(_s3(settings, settings.s3_endpoint)),
        events=RedisJobEvents(url),
        pace=RedisPaceKeeper(redis),
        idempotency=RedisIdempotencyKeys(redis),
        results=RedisResultIndex(redis),
        keys=RedisKeyStore(redis),
        rates=RedisRateLimiter(redis),
        audio=RedisAudioChannel(audio, kept=settings.stream_pieces, ttl_seconds=settings.stream_ttl_seconds),
        secrets=RedisSecretVersions(redis),
        scanner=_scanner(settings),
        closers=(celery.close, redis.close, audio.close),
    )


def _blob_store(settings: Settings, clock: Clock) -> S3BlobStore:
    public = settings.public_audio_base_url
    return S3BlobStore(
        _s3(settings, settings.s3_endpoint),
        _s3(settings, settings.s3_public_endpoint or settings.s3_endpoint),
        bucket=settings.s3_bucket,
        clock=clock,
        public_base_url=str(public) if public else None,
        encryption=settings.s3_encryption,
        kms_key_id=settings.s3_kms_key_id,
    )


def _scanner(settings: Settings) -> ClamdScanner | None:
    if settings.clamd_address is None:
        return None
    return ClamdScanner(*settings.clamd_address, seconds=settings.clamd_timeout_seconds)


def _s3(settings: Settings, endpoint: HttpUrl) -> Minio:
    return connect_s3(
        str(endpoint),
        access_key=settings.s3_access_key.get_secret_value(),
        secret_key=settings.s3_secret_key.get_secret_value(),
        region=settings.s3_region,
    )
