"""Which job speaks what, in Redis or Valkey: one key a digest."""

from typing import Final

from redis import Redis

from services.shared.adapters.redis_client import PREFIX, redis_errors

#: KEYS: the digest's. ARGV: the job, whom it may take the place of, seconds to keep it. Returns whom it names now.
_TAKE: Final = """
local named = redis.call('GET', KEYS[1])
if named and named ~= ARGV[1] and named ~= ARGV[2] then return named end
redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[3])
return ARGV[1]
"""


class RedisResultIndex:
    """`ResultIndex` on a client that decodes responses."""

    def __init__(self, client: Redis) -> None:
        self._client = client
        self._take = client.register_script(_TAKE)

    def named(self, digest: str) -> str | None:
        with redis_errors():
            found = self._client.get(_key(digest))
        return None if found is None else str(found)

    def take(self, digest: str, job_id: str, *, instead_of: str | None = None, ttl_seconds: int) -> str:
        with redis_errors():
            return str(self._take(keys=[_key(digest)], args=[job_id, instead_of or "", ttl_seconds]))


def _key(digest: str) -> str:
    return f"{PREFIX}:result:{digest}"
