"""Everything outside a process that its use cases speak to, wired once per process."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from services.shared.adapters.celery_queue import CeleryJobQueue, create_celery
from services.shared.adapters.redis_client import connect_redis
from services.shared.adapters.redis_jobs import RedisJobStore
from services.shared.adapters.redis_voices import RedisVoiceStore
from services.shared.adapters.redis_workers import RedisWorkerRegistry
from services.shared.adapters.s3_blobs import S3BlobStore, connect_s3
from services.shared.ports import BlobStore, Clock, JobQueue, JobStore, VoiceStore, WorkerRegistry
from services.shared.settings import Settings


@dataclass(frozen=True)
class Parts:
    """Shared by all threads of a process. `close` gives connections back; the parts are of no use after it."""

    settings: Settings
    clock: Clock
    jobs: JobStore
    blobs: BlobStore
    queue: JobQueue
    workers: WorkerRegistry
    voices: VoiceStore
    closers: tuple[Callable[[], None], ...] = field(default=(), repr=False)

    def close(self) -> None:
        for close in self.closers:
            close()


def connect(settings: Settings, clock: Clock = time.time) -> Parts:
    """The parts that the settings name. Nothing is asked of a server before a part is first used."""
    redis = connect_redis(settings.redis_url.get_secret_value())
    celery = create_celery(settings)
    return Parts(
        settings=settings,
        clock=clock,
        jobs=RedisJobStore(redis, ttl_seconds=settings.job_ttl_seconds),
        blobs=_blob_store(settings, clock),
        queue=CeleryJobQueue(celery),
        workers=RedisWorkerRegistry(redis),
        voices=RedisVoiceStore(redis),
        closers=(celery.close, redis.close),
    )


def _blob_store(settings: Settings, clock: Clock) -> S3BlobStore:
    access = {
        "access_key": settings.s3_access_key.get_secret_value(),
        "secret_key": settings.s3_secret_key.get_secret_value(),
        "region": settings.s3_region,
    }
    public = settings.public_audio_base_url
    return S3BlobStore(
        connect_s3(str(settings.s3_endpoint), **access),
        connect_s3(str(settings.s3_public_endpoint or settings.s3_endpoint), **access),
        bucket=settings.s3_bucket,
        clock=clock,
        public_base_url=str(public) if public else None,
    )
