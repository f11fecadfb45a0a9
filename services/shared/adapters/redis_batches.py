"""Batches in Redis or Valkey, beside their jobs.

One hash a batch, with a field for each status that counts its jobs: the job store's scripts move them (see
`redis_scripts`). Beside it lies a list of its jobs, each by id and the client's own name for it. An owner has a
sorted set of places, which lists the batches; places of records that are gone leave it as those of jobs do.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from redis import Redis

from services.shared.adapters import redis_scripts
from services.shared.adapters.redis_client import PREFIX, place, read_place, redis_errors
from services.shared.adapters.redis_jobs import DUES, job_arguments, job_keys, read_jobs
from services.shared.adapters.redis_line_scripts import STANDS
from services.shared.batch import Batch, BatchEntry
from services.shared.cursor import Cursor
from services.shared.errors import BatchNotFound, QueueFull, TooManyJobs
from services.shared.job import Job, JobStatus
from services.shared.line import audio_ms, room_ms
from services.shared.ports import BatchPage

#: KEYS: the record, the list of its jobs, the owner's places. ARGV: place, owner, created_at, total, how many jobs of
#: the owner may be under way (0 for any number), its webhook's URL ('' for none), how many milliseconds of audio its
#: jobs are and may be queued (0 for any number), entries. Returns 'ok', also where the record is there already, or
#: 'full' or 'crowded': then its jobs are not added either. Looks at the owner's eight oldest places on the way.
_ADD: Final = f"""
{redis_scripts.LIMITS}
{STANDS}
local record, entries, listed = KEYS[1], KEYS[2], KEYS[3]
if redis.call('EXISTS', record) == 1 then return 'ok' end
if too_many(ARGV[2], tonumber(ARGV[4]), tonumber(ARGV[5])) then return 'full' end
if is_crowded(ARGV[2], tonumber(ARGV[7]), tonumber(ARGV[8])) then return 'crowded' end
redis.call('HSET', record, 'place', ARGV[1], 'owner', ARGV[2], 'created_at', ARGV[3], 'cancel', 0,
  'queued', ARGV[4], 'processing', 0, 'succeeded', 0, 'failed', 0, 'canceled', 0, 'expired', 0)
if ARGV[6] ~= '' then redis.call('HSET', record, 'webhook_url', ARGV[6]) end
for number = 9, #ARGV do redis.call('RPUSH', entries, ARGV[number]) end
redis.call('ZADD', listed, 0, ARGV[1])
for _, old in ipairs(redis.call('ZRANGE', listed, 0, 7)) do
  if redis.call('EXISTS', '{PREFIX}:batch:' .. string.sub(old, 17)) == 0 then redis.call('ZREM', listed, old) end
end
return 'ok'
"""
#: KEYS: the record. Returns 1, or 0 where there is none.
_CANCEL: Final = """
return redis.call('EXISTS', KEYS[1]) == 1 and redis.call('HSET', KEYS[1], 'cancel', 1) + 1 or 0
"""
#: KEYS: the record, the list of its jobs, the dues. ARGV: its name among them. Returns 1, or 0 where there is none.
_REMOVE: Final = f"""
local was = redis.call('HMGET', KEYS[1], 'owner', 'place')
if not was[1] then return 0 end
redis.call('DEL', KEYS[1], KEYS[2])
redis.call('ZREM', KEYS[3], ARGV[1])
redis.call('ZREM', '{PREFIX}:batches:' .. was[1], was[2])
return 1
"""


class RedisBatchStore:
    """`BatchStore` beside a `RedisJobStore` on the same server, on a client that decodes responses."""

    def __init__(self, client: Redis) -> None:
        self._client = client
        self._add = client.register_script(_ADD)
        self._add_job = client.register_script(redis_scripts.ADD)
        self._cancel = client.register_script(_CANCEL)
        self._remove = client.register_script(_REMOVE)

    def add(self, batch: Batch, jobs: Sequence[Job], *, limit: int = 0, room_seconds: float = 0.0) -> None:
        keys, more = [batch_key(batch.id), _list(batch.id), _places(batch.owner)], sum(map(audio_ms, jobs))
        args: list[str | int] = [
            place(batch),
            batch.owner,
            repr(batch.created_at),
            len(jobs),
            limit,
            batch.webhook_url or "",
            more,
            room_ms(room_seconds),
            *(_entry(job) for job in jobs),
        ]
        # One transaction: all of it is stored, or none.
        with redis_errors(), self._client.pipeline(transaction=True) as pipeline:
            self._add(keys=keys, args=args, client=pipeline)
            for job in jobs:
                self._add_job(keys=job_keys(job.id), args=[*job_arguments(job), 0, 0], client=pipeline)
            outcome, *_ = pipeline.execute()
        if outcome == "full":
            raise TooManyJobs(f"With {len(jobs)} more jobs, more than {limit} would be under way.")
        if outcome == "crowded":
            raise QueueFull(room_seconds, more)

    def get(self, batch_id: str) -> Batch:
        (batch,) = self._read([batch_id])
        if batch is None:
            raise _not_found(batch_id)
        return batch

    def entries(self, batch_id: str, start: int, limit: int) -> Sequence[BatchEntry]:
        with redis_errors():
            found = self._client.lrange(_list(batch_id), start, start + limit - 1)
        names = [str(entry).partition(" ") for entry in found]
        jobs = read_jobs(self._client, [job_id for job_id, _, _ in names])
        return [
            BatchEntry(job_id, custom_id or None, job) for (job_id, _, custom_id), job in zip(names, jobs, strict=True)
        ]

    def request_cancel(self, batch_id: str) -> None:
        with redis_errors():
            found = self._cancel(keys=[batch_key(batch_id)])
        if not found:
            raise _not_found(batch_id)

    def remove(self, batch_id: str) -> None:
        with redis_errors():
            removed = self._remove(keys=[batch_key(batch_id), _list(batch_id), DUES], args=[batch_due(batch_id)])
        if not removed:
            raise _not_found(batch_id)

    def page(self, owner: str, *, limit: int, cursor: str | None = None) -> BatchPage:
        bound = "+" if cursor is None else f"({place(Cursor.decode(cursor))}"
        with redis_errors():
            found = self._client.zrange(_places(owner), bound, "-", desc=True, bylex=True, offset=0, num=limit + 1)
        places = [read_place(str(member)) for member in found]
        batches = [batch for batch in self._read([one.id for one in places[:limit]]) if batch is not None]
        return BatchPage(batches, places[limit - 1].encode() if len(places) > limit else None)

    def _read(self, ids: Sequence[str]) -> list[Batch | None]:
        """The batches of these ids in one round trip."""
        with redis_errors(), self._client.pipeline(transaction=False) as pipeline:
            for batch_id in ids:
                pipeline.hgetall(batch_key(batch_id))
            rows = pipeline.execute()
        return [decode_batch(batch_id, row) if row else None for batch_id, row in zip(ids, rows, strict=True)]


def decode_batch(batch_id: str, row: Mapping[str, Any]) -> Batch:
    return Batch(
        id=batch_id,
        owner=row["owner"],
        created_at=float(row["created_at"]),
        counts={status: int(row[status]) for status in JobStatus},
        cancel_requested=row["cancel"] == "1",
        ended_at=float(row["ended_at"]) if "ended_at" in row else None,
        webhook_url=row.get("webhook_url"),
    )


def _entry(job: Job) -> str:
    """An id holds no space, so that a name may."""
    return f"{job.id} {job.custom_id or ''}"


def _not_found(batch_id: str) -> BatchNotFound:
    return BatchNotFound(f"There is no batch {batch_id}.")


def batch_key(batch_id: str) -> str:
    return f"{PREFIX}:batch:{batch_id}"


def batch_due(batch_id: str) -> str:
    return f"{redis_scripts.BATCH_DUE}{batch_id}"


def _list(batch_id: str) -> str:
    return f"{PREFIX}:batch-jobs:{batch_id}"


def _places(owner: str) -> str:
    return f"{PREFIX}:batches:{owner}"
