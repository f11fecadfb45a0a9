"""`SecretVersions` in Redis or Valkey: a hash a tenant that has rotated."""

from redis import Redis

from services.shared.adapters.redis_client import PREFIX, redis_errors
from services.shared.ports import SecretVersion


class RedisSecretVersions:
    """On a client that decodes responses."""

    def __init__(self, client: Redis) -> None:
        self._client = client

    def current(self, owner: str) -> SecretVersion:
        with redis_errors():
            number, since = self._client.hmget(_key(owner), ["number", "since"])
        return SecretVersion(int(number), float(since)) if number and since else SecretVersion()

    def rotate(self, owner: str, now: float) -> SecretVersion:
        with redis_errors(), self._client.pipeline(transaction=True) as pipeline:
            pipeline.hincrby(_key(owner), "number", 1)
            pipeline.hset(_key(owner), "since", repr(now))
            number, _ = pipeline.execute()
        return SecretVersion(number, now)


def _key(owner: str) -> str:
    return f"{PREFIX}:webhook-secret:{owner}"
