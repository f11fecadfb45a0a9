"""Whether a part answers yet. Each probe asks once, gives up within a second or two, and never raises."""

import io
from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

import httpx
import urllib3
from minio import Minio
from minio.error import MinioException
from redis import Redis, RedisError

from services.cli.part import Probe
from services.shared.adapters.redis_workers import RedisWorkerRegistry
from services.shared.errors import Unavailable
from services.shared.settings import Settings

TIMEOUT_SECONDS = 1.0
PROBE_KEY = "timbre-probe"


def redis_answers(settings: Settings) -> Probe:
    """The server takes our password and answers PING (not so while it still reads its log)."""
    client = _redis(settings)
    return _quiet(lambda _started: bool(client.ping()), RedisError)


def s3_takes_writes(settings: Settings) -> Probe:
    """The store takes our keys and keeps a byte: it answers a little before it can. Makes the bucket on the way."""
    endpoint = urlsplit(str(settings.s3_endpoint))
    client = Minio(
        endpoint=endpoint.netloc,
        access_key=settings.s3_access_key.get_secret_value(),
        secret_key=settings.s3_secret_key.get_secret_value(),
        secure=endpoint.scheme == "https",
        region=settings.s3_region,
        http_client=urllib3.PoolManager(timeout=TIMEOUT_SECONDS, retries=False),
    )

    def ask(_started_at: float) -> bool:
        if not client.bucket_exists(bucket_name=settings.s3_bucket):
            client.make_bucket(bucket_name=settings.s3_bucket)
        client.put_object(bucket_name=settings.s3_bucket, object_name=PROBE_KEY, data=io.BytesIO(b"."), length=1)
        client.remove_object(bucket_name=settings.s3_bucket, object_name=PROBE_KEY)
        return True

    return _quiet(ask, MinioException, urllib3.exceptions.HTTPError)


def worker_announced(settings: Settings) -> Probe:
    """A worker born after the part was started has its model loaded and says so."""
    registry = RedisWorkerRegistry(_redis(settings))
    return _quiet(lambda started: any(beat.started_at >= started for beat in registry.ready()), Unavailable)


def api_ready(url: str) -> Probe:
    """`/readyz` answers 200: the API and all it stands on."""
    return _quiet(
        lambda _started: httpx.get(f"{url}/readyz", timeout=TIMEOUT_SECONDS, trust_env=False).is_success,
        httpx.TransportError,
    )


def silent_servers(settings: Settings, environ: Mapping[str, str]) -> list[str]:
    """A sentence for each server that the environment names and that does not serve us."""
    asked = {"REDIS_URL": redis_answers(settings), "S3_ENDPOINT": s3_takes_writes(settings)}
    return [
        f"{variable}: the server does not answer, or refuses what we are."
        for variable, probe in asked.items()
        if environ.get(variable) and not probe(0.0)
    ]


def _redis(settings: Settings) -> Redis:
    return Redis.from_url(
        settings.redis_url.get_secret_value(),
        decode_responses=True,
        socket_timeout=TIMEOUT_SECONDS,
        socket_connect_timeout=TIMEOUT_SECONDS,
    )


def _quiet(ask: Callable[[float], bool], *silence: type[Exception]) -> Probe:
    """A probe that takes its vendor's errors for a no."""

    def probe(started_at: float) -> bool:
        try:
            return ask(started_at)
        except silence:
            return False

    return probe
