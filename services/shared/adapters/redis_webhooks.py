"""Webhooks in Redis or Valkey: who is due in a sorted set, each job's and batch's delivery in its record.

The set's score is when the delivery is due. A taker moves it into the future, to where its hold ends: nobody else
is given it before, and what it settles counts only while that very score stands.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final

from redis import Redis

from services.shared.adapters.redis_batches import batch_due, batch_key, decode_batch
from services.shared.adapters.redis_client import PREFIX, redis_errors
from services.shared.adapters.redis_jobs import DUES, FIELDS, decode_row, record_key
from services.shared.adapters.redis_scripts import BATCH_DUE
from services.shared.job import Job
from services.shared.job_codec import from_known_fields
from services.shared.ports import HeldDelivery
from services.shared.webhook import Delivery, Subject, Try, end_of, first_delivery, gone

_RECORD_FIELDS: Final = ", ".join(f"'{name}'" for name in FIELDS)
#: KEYS: the dues. ARGV: now, held_until, limit. Returns of what was taken each name and row: a batch's has all of its
#: fields with their values. Records that are gone leave.
_TAKE: Final = f"""
local taken = {{}}
for _, name in ipairs(redis.call('ZRANGE', KEYS[1], '-inf', ARGV[1], 'BYSCORE', 'LIMIT', 0, ARGV[3])) do
  local batch = string.match(name, '^{BATCH_DUE}(.*)')
  local row = batch and redis.call('HGETALL', '{PREFIX}:batch:' .. batch)
    or redis.call('HMGET', '{PREFIX}:job:' .. name, 'webhook', {_RECORD_FIELDS})
  if row[2] then
    redis.call('ZADD', KEYS[1], ARGV[2], name)
    table.insert(taken, {{name, row}})
  else
    redis.call('ZREM', KEYS[1], name)
  end
end
return taken
"""
#: KEYS: the dues, the record. ARGV: name, held_until, when it is due next ('' for never), the delivery ('' as it was).
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
        return [_held(name, row, held_until) for name, row in rows]

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

    def restart(self, subject: Subject, delivery: Delivery) -> None:
        with redis_errors():
            args = [_name(subject), repr(delivery.next_attempt_at), _encode(delivery)]
            found = self._restart(keys=[DUES, _record(subject)], args=args)
        if not found:
            raise gone(subject)

    def find(self, subjects: Sequence[Subject]) -> Mapping[str, Delivery]:
        if not subjects:
            return {}
        with redis_errors(), self._client.pipeline(transaction=False) as pipeline:
            for subject in subjects:
                pipeline.hget(_record(subject), "webhook")
            found = pipeline.execute()
        return {subject.id: _decode(text) for subject, text in zip(subjects, found, strict=True) if text}


def _record(subject: Subject) -> str:
    return record_key(subject.id) if isinstance(subject, Job) else batch_key(subject.id)


def _name(subject: Subject) -> str:
    return subject.id if isinstance(subject, Job) else batch_due(subject.id)


def _release_arguments(held: HeldDelivery, due: str, document: str) -> dict[str, Any]:
    keys = [DUES, _record(held.subject)]
    return {"keys": keys, "args": [_name(held.subject), repr(held.held_until), due, document]}


def _held(name: str, row: Sequence[Any], held_until: float) -> HeldDelivery:
    subject: Subject
    if name.startswith(BATCH_DUE):
        record = dict(zip(row[::2], row[1::2], strict=True))
        document, subject = record.get("webhook"), decode_batch(name.removeprefix(BATCH_DUE), record)
    else:
        document, subject = row[0], decode_row(*row[1:])
    delivery = _decode(document) if document else first_delivery(end_of(subject))
    return HeldDelivery(subject, delivery, held_until)


def _encode(delivery: Delivery) -> str:
    return json.dumps(asdict(delivery), separators=(",", ":"))


def _decode(document: str) -> Delivery:
    values: dict[str, Any] = json.loads(document)
    values["tries"] = tuple(from_known_fields(Try, one) for one in values["tries"])
    return from_known_fields(Delivery, values)
