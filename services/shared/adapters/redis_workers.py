"""Which workers are ready, in Redis or Valkey: one key a worker, kept alive by its beats."""

import json
from collections.abc import Sequence
from dataclasses import asdict

from redis import Redis

from services.shared.adapters.redis_client import PREFIX, redis_errors
from services.shared.job_codec import from_known_fields
from services.shared.ports import WorkerBeat

#: Names of workers; those whose key has run out are dropped when read.
_NAMES = f"{PREFIX}:workers"


class RedisWorkerRegistry:
    """`WorkerRegistry` on a client that decodes responses."""

    def __init__(self, client: Redis) -> None:
        self._client = client

    def announce(self, beat: WorkerBeat, ttl_seconds: float) -> None:
        with redis_errors(), self._client.pipeline() as pipeline:
            pipeline.set(_key(beat.worker), json.dumps(asdict(beat)), px=max(1, round(ttl_seconds * 1000)))
            pipeline.sadd(_NAMES, beat.worker)
            pipeline.execute()

    def withdraw(self, worker: str) -> None:
        with redis_errors(), self._client.pipeline() as pipeline:
            pipeline.delete(_key(worker))
            pipeline.srem(_NAMES, worker)
            pipeline.execute()

    def ready(self) -> Sequence[WorkerBeat]:
        with redis_errors():
            names = sorted(str(name) for name in self._client.smembers(_NAMES))
            found = self._client.mget([_key(name) for name in names]) if names else []
            gone = [name for name, beat in zip(names, found, strict=True) if beat is None]
            if gone:
                self._client.srem(_NAMES, *gone)
        return [from_known_fields(WorkerBeat, json.loads(beat)) for beat in found if beat is not None]


def _key(worker: str) -> str:
    return f"{PREFIX}:worker:{worker}"
