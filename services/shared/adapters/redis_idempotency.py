"""Clients' idempotency keys, in Redis or Valkey: one string a key, which lapses by itself."""

import hashlib
import json
from dataclasses import asdict
from typing import Final

from redis import Redis

from services.shared.adapters.redis_client import PREFIX, redis_errors
from services.shared.job_codec import from_known_fields
from services.shared.ports import KeptKey

#: KEYS: the key's. ARGV: what it must hold to be deleted.
_FREE: Final = "if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end"


class RedisIdempotencyKeys:
    """`IdempotencyKeys` on a client that decodes responses."""

    def __init__(self, client: Redis) -> None:
        self._client = client
        self._free = client.register_script(_FREE)

    def reserve(self, owner: str, key: str, reservation: KeptKey, ttl_seconds: float) -> KeptKey | None:
        name, value = _name(owner, key), _encode(reservation)
        with redis_errors():
            while not self._client.set(name, value, nx=True, px=_milliseconds(ttl_seconds)):
                taken = self._client.get(name)
                if taken == value:  # Our own: the answer was lost, and the client asked again.
                    return None
                if taken is not None:  # Else it lapsed in between.
                    return from_known_fields(KeptKey, json.loads(taken))
        return None

    def keep(self, owner: str, key: str, kept: KeptKey, ttl_seconds: float) -> None:
        with redis_errors():
            self._client.set(_name(owner, key), _encode(kept), px=_milliseconds(ttl_seconds))

    def free(self, owner: str, key: str, reservation: KeptKey) -> None:
        with redis_errors():
            self._free(keys=[_name(owner, key)], args=[_encode(reservation)])


def _name(owner: str, key: str) -> str:
    """One length for all, and no two owners' keys alike, whatever they are called."""
    return f"{PREFIX}:idempotency:{hashlib.sha256(json.dumps([owner, key]).encode()).hexdigest()}"


def _encode(kept: KeptKey) -> str:
    return json.dumps(asdict(kept))


def _milliseconds(seconds: float) -> int:
    return max(1, round(seconds * 1000))
