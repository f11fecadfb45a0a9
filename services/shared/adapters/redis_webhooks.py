"""Webhooks in Redis or Valkey: who is due in a sorted set, each job's delivery in its record.

The set's score is when the delivery is due. A taker moves it into the future, to where its hold ends: nobody else
is given it before, and what it settles counts only while that very score stands.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final

from redis import Redis

from services.shared.adapters.redis_client import PREFIX, redis_errors
from services.shared.adapters.redis_jobs import DUES, FIELDS, decode_row, record_key
from services.shared.errors import JobNotFound
from services.shared.job_codec import from_known_fields
from services.shared.ports import HeldDelivery
from services.shared.webhook import Delivery, Try, first_delivery

_RECORD_FIELDS: Final = ", ".join(f"'{name}'" for name in FIELDS)
#: KEYS: the dues. ARGV: now, held_until, limit. Returns the rows of what was taken; records that are gone leave.
_TAKE: Final = f"""
local taken = {{}}
for _, id in ipairs(redis.call('ZRANGE', KEYS[1], '-inf', ARGV[1], 'BYSCORE', 'LIMIT', 0, ARGV[3])) do
  local row = redis.call('HMGET', '{PREFIX}:job:' .. id, 'webhook', {_RECORD_FIELDS})
  if row[2] then
    redis.call('ZADD', KEYS[1], ARGV[2], id)
    table.insert(taken, row)
  else
    redis.call('ZREM', KEYS[1], id)
  end
end
return taken
"""
#: KEYS: the dues, the record. ARGV: id, held_until, when it is due next ('' for never), the delivery ('' as it was).
#: Returns 1, or 0 where another one holds it, or the record is gone.
_RELEASE: Final = """
local held = redis.call('ZSCORE', KEYS[1], ARGV[1])
if not held or tonumber(held) ~= tonumber(ARGV[2]) or redis.call('EXISTS', KEYS[2]) == 0 then return 0 end
if ARGV[4] ~= '' then redis.call('HSET', KEYS[2], 'webhook', ARGV[4]) end
if ARGV[3] == '' then redis.call('ZREM', KEYS[1], ARGV[1]) else redis.call('ZADD', KEYS[1], ARGV[3], ARGV[1]) end
return 1
"""
#: KEYS and ARGV as for _RELEASE, but whoever holds it, and without held_until.
_RESTART: Final = """
if redis.call('EXISTS', KEYS[2]) == 0 then return 0 end
redis.call('HSET', KEYS[2], 'webhook', ARGV[3])
redis.call('ZADD', KEYS[1], ARGV[2], ARGV[1])
return 1
"""


class RedisWebhookStore:
    """`WebhookStore` beside a `RedisJobStore` on the same server, on a client that decodes responses."""

    def __init__(self, client: Redis) -> None:
        self._client = client
        self._take = client.register_script(_TAKE)
        self._release = client.register_script(_RELEASE)
        self._restart = client.register_script(_RESTART)

    def take(self, now: float, limit: int, *, hold_seconds: float) -> Sequence[HeldDelivery]:
        held_until = now + hold_seconds
        with redis_errors():
            rows = self._take(keys=[DUES], args=[repr(now), repr(held_until), limit])
        return [_held(row, held_until) for row in rows]

    def settle(self, held: HeldDelivery, delivery: Delivery) -> bool:
        due = "" if delivery.next_attempt_at is None else repr(delivery.next_attempt_at)
        with redis_errors():
            return bool(self._release(**_release_arguments(held, due, _encode(delivery))))

    def postpone(self, held: Sequence[HeldDelivery], until: float) -> None:
        if not held:
            return
        with redis_errors(), self._client.pipeline(transaction=False) as pipeline:
            for one in held:
                self._release(**_release_arguments(one, repr(until), ""), client=pipeline)
            pipeline.execute()

    def restart(self, job_id: str, delivery: Delivery) -> None:
        with redis_errors():
            args = [job_id, repr(delivery.next_attempt_at), _encode(delivery)]
            found = self._restart(keys=[DUES, record_key(job_id)], args=args)
        if not found:
            raise JobNotFound(f"There is no job {job_id}.")

    def find(self, job_ids: Sequence[str]) -> Mapping[str, Delivery]:
        if not job_ids:
            return {}
        with redis_errors(), self._client.pipeline(transaction=False) as pipeline:
            for job_id in job_ids:
                pipeline.hget(record_key(job_id), "webhook")
            found = pipeline.execute()
        return {job_id: _decode(text) for job_id, text in zip(job_ids, found, strict=True) if text}


def _release_arguments(held: HeldDelivery, due: str, document: str) -> dict[str, Any]:
    keys = [DUES, record_key(held.job.id)]
    return {"keys": keys, "args": [held.job.id, repr(held.held_until), due, document]}


def _held(row: Sequence[Any], held_until: float) -> HeldDelivery:
    document, *record = row
    job = decode_row(*record)
    delivery = _decode(document) if document else first_delivery(job.completed_at)
    return HeldDelivery(job, delivery, held_until)


def _encode(delivery: Delivery) -> str:
    return json.dumps(asdict(delivery), separators=(",", ":"))


def _decode(document: str) -> Delivery:
    values: dict[str, Any] = json.loads(document)
    values["tries"] = tuple(from_known_fields(Try, one) for one in values["tries"])
    return from_known_fields(Delivery, values)
