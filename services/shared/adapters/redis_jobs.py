"""Job records in Redis or Valkey.

One hash a job (see `redis_scripts`); sorted sets list an owner's jobs, all of them and by status, and the queued
and processing jobs of everybody. A record's lifetime starts when its job ends; its places in the owner's indexes
go when a listing or a new job comes across them. The server must not evict: `maxmemory-policy noeviction`.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from redis import Redis

from services.shared.adapters import redis_scripts as scripts
from services.shared.adapters.redis_client import PREFIX, place, read_place, redis_errors
from services.shared.adapters.redis_line_scripts import DEADLINES, POSITIONS
from services.shared.cursor import Cursor
from services.shared.days import day_of
from services.shared.errors import JobNotFound, QueueFull, StaleJob, TooManyJobs
from services.shared.job import Job, JobStatus, spoken_seconds
from services.shared.job_codec import decode_job, encode_job
from services.shared.line import Place, audio_ms, room_ms, turn
from services.shared.ports import Beat, JobPage, Usage

#: Ended jobs and batches whose webhooks are due, by when: filled by the write that ends the job, or the last one.
DUES = f"{PREFIX}:webhooks"
#: The fields of a record that make a job, in the order `decode_row` takes them.
FIELDS = ("doc", "rev", "progress", "lease_until", "enqueued_at")

#: All queued jobs, by creation.
QUEUED = f"{PREFIX}:queued"
_LEASES = f"{PREFIX}:leases"
#: Jobs with audio, by when it is to be deleted. Outlives their records.
_AUDIO = f"{PREFIX}:audio"


class RedisJobStore:
    """`JobStore` on a client that decodes responses. Ended jobs are kept for `ttl_seconds`."""

    def __init__(self, client: Redis, *, ttl_seconds: int) -> None:
        self._client = client
        self._ttl = ttl_seconds
        self._add = client.register_script(scripts.ADD)
        self._replace = client.register_script(scripts.REPLACE)
        self._beat = client.register_script(scripts.BEAT)
        self._remove = client.register_script(scripts.REMOVE)
        self._positions = client.register_script(POSITIONS)

    def add(self, job: Job, *, limit: int = 0, room_seconds: float = 0.0) -> Place | None:
        arguments = [*job_arguments(job), limit, room_ms(room_seconds)]
        with redis_errors():
            outcome, *found = self._add(keys=job_keys(job.id), args=arguments)
        if outcome == "stale":
            raise StaleJob(f"The id {job.id} is taken.")
        if outcome == "full":
            raise TooManyJobs(f"{limit} jobs are under way, which is the limit.")
        if outcome == "crowded":
            raise QueueFull(room_seconds, audio_ms(job))
        return Place(*map(int, found)) if found else None

    def get(self, job_id: str) -> Job:
        (job,) = read_jobs(self._client, [job_id])
        if job is None:
            raise JobNotFound(f"There is no job {job_id}.")
        return job

    def replace(self, old: Job, new: Job) -> Job:
        ttl = self._ttl if new.status.is_terminal else ""
        with redis_errors():
            outcome, *found = self._replace(
                keys=job_keys(old.id), args=[*job_arguments(new), old.revision, ttl, *_spoken(new)]
            )
        if outcome == "gone":
            raise JobNotFound(f"There is no job {old.id}.")
        if outcome == "stale":
            raise StaleJob(f"The job is at revision {found[0]}, not {old.revision}.")
        return _with_hot_fields(new, *found)

    def remove(self, job_id: str) -> None:
        with redis_errors():
            removed = self._remove(keys=job_keys(job_id), args=[job_id, self._ttl])
        if not removed:
            raise JobNotFound(f"There is no job {job_id}.")

    def page(self, owner: str, *, limit: int, cursor: str | None = None, status: JobStatus | None = None) -> JobPage:
        before = None if cursor is None else Cursor.decode(cursor)
        found: list[Job] = []
        for job in self._newest_first(owner, status, before, batch=limit + 1):
            if len(found) == limit:
                return JobPage(found, Cursor.after(found[-1]).encode())
            found.append(job)
        return JobPage(found, None)

    def beat(self, job_id: str, attempt: int, *, progress: float, lease_until: float) -> Beat:
        with redis_errors():
            owned, cancel = self._beat(keys=job_keys(job_id), args=[job_id, attempt, repr(progress), repr(lease_until)])
        return Beat(owned=owned == "1", cancel_requested=cancel == "1")

    def lapsed(self, now: float, limit: int) -> Sequence[Job]:
        with redis_errors():
            ids = self._client.zrange(_LEASES, "-inf", now, byscore=True, offset=0, num=limit)
        return self._present(_LEASES, ids)

    def find(self, job_ids: Sequence[str]) -> Mapping[str, Job]:
        return {job.id: job for job in read_jobs(self._client, job_ids) if job is not None}

    def overdue(self, now: float, limit: int) -> Sequence[Job]:
        with redis_errors():
            ids = self._client.zrange(DEADLINES, "-inf", now, byscore=True, offset=0, num=limit)
        return self._present(DEADLINES, ids)

    def outlived(self, now: float, limit: int) -> Sequence[str]:
        with redis_errors():
            ids = self._client.zrange(_AUDIO, "-inf", now, byscore=True, offset=0, num=limit)
        return [str(job_id) for job_id in ids]

    def postpone_audio(self, job_id: str, until: float) -> None:
        with redis_errors():
            self._client.zadd(_AUDIO, {job_id: until}, xx=True)

    def forget_audio(self, job_id: str) -> None:
        self._drop(_AUDIO, [job_id])

    def queued(self, limit: int) -> Sequence[Job]:
        with redis_errors():
            ids = self._client.zrange(QUEUED, 0, limit - 1)
        return self._present(QUEUED, ids)

    def usage(self, owner: str, now: float) -> Usage:
        with redis_errors(), self._client.pipeline(transaction=False) as pipeline:
            for status in (JobStatus.QUEUED, JobStatus.PROCESSING):
                pipeline.zcard(f"{PREFIX}:{status}:{owner}")
            pipeline.get(_account(owner, now))
            queued, processing, seconds = pipeline.execute()
        return Usage(queued + processing, float(seconds or 0.0))

    def counts(self) -> dict[JobStatus, int]:
        with redis_errors():
            return {
                JobStatus.QUEUED: self._client.zcard(QUEUED),
                JobStatus.PROCESSING: self._client.zcard(_LEASES),
            }

    def positions(self, job_ids: Sequence[str]) -> Sequence[int | None]:
        with redis_errors():
            found = self._positions(args=job_ids)
        return [None if position < 0 else position for position in found]

    def ping(self) -> None:
        with redis_errors():
            self._client.ping()

    def _newest_first(self, owner: str, status: JobStatus | None, before: Cursor | None, batch: int) -> Iterator[Job]:
        """Walk the owner's index from the cursor on, dropping the places of records that are gone."""
        index = f"{PREFIX}:{status or 'all'}:{owner}"
        bound = "+" if before is None else f"({place(before)}"
        while True:
            with redis_errors():
                found = self._client.zrange(index, bound, "-", desc=True, bylex=True, offset=0, num=batch)
            places = [str(member) for member in found]
            jobs = read_jobs(self._client, [read_place(member).id for member in places])
            self._drop(index, [member for member, job in zip(places, jobs, strict=True) if job is None])
            yield from (job for job in jobs if job is not None and status in (None, job.status))
            if len(places) < batch:
                return
            bound = f"({places[-1]}"

    def _present(self, index: str, ids: Sequence[Any]) -> list[Job]:
        """The jobs of these ids; ids of no record (somebody deleted it by hand) leave the index."""
        jobs = read_jobs(self._client, ids)
        self._drop(index, [job_id for job_id, job in zip(ids, jobs, strict=True) if job is None])
        return [job for job in jobs if job is not None]

    def _drop(self, index: str, members: Sequence[str]) -> None:
        if members:
            with redis_errors():
                self._client.zrem(index, *members)


def record_key(job_id: str) -> str:
    return f"{PREFIX}:job:{job_id}"


def read_jobs(client: Redis, ids: Sequence[str]) -> list[Job | None]:
    """The jobs of these ids in one round trip."""
    with redis_errors(), client.pipeline(transaction=False) as pipeline:
        for job_id in ids:
            pipeline.hmget(record_key(job_id), FIELDS)
        rows = pipeline.execute()
    return [None if row[0] is None else decode_row(*row) for row in rows]


def decode_row(document: str, revision: str, progress: str, lease_until: str, enqueued_at: str | None) -> Job:
    """A record's job. One that an older release wrote has `enqueued_at` in its document alone."""
    job = decode_job(document)
    if enqueued_at is not None:
        job = replace(job, enqueued_at=float(enqueued_at) if enqueued_at else None)
    return _with_hot_fields(job, revision, progress, lease_until)


def job_keys(job_id: str) -> list[str]:
    return [record_key(job_id), QUEUED, _LEASES, DUES, _AUDIO]


def job_arguments(job: Job) -> list[str | int]:
    """What ADD and REPLACE take. The document leaves out what has a field of its own, so that equal is equal."""
    document = encode_job(replace(job, revision=0, progress=0.0, lease_until=None, enqueued_at=None))
    return [
        job.id,
        job.owner,
        str(job.status),
        place(job),
        repr(job.created_at),
        "" if job.lease_until is None else repr(job.lease_until),
        document,
        repr(job.progress),
        job.attempt,
        int(job.cancel_requested),
        repr(job.completed_at) if job.webhook_url and job.status.is_terminal else "",
        repr(job.output.expires_at) if job.output and job.output.expires_at is not None else "",
        job.batch_id or "",
        repr(job.completed_at) if job.status.is_terminal else "",
        job.lane.name,
        repr(turn(job)),
        audio_ms(job),
        "" if job.enqueued_at is None else repr(job.enqueued_at),
        repr(job.not_before) if job.not_before else "",
        "" if job.deadline_at is None else repr(job.deadline_at),
        job.traceparent or "",
    ]


def _spoken(job: Job) -> tuple[str, str]:
    """The seconds of audio that a job's success makes, and where they are counted."""
    seconds = spoken_seconds(job)
    return (repr(seconds), _account(job.owner, job.completed_at)) if seconds and job.completed_at else ("", "")


def _account(owner: str, now: float) -> str:
    return f"{PREFIX}:spoken:{owner}:{day_of(now)}"


def _with_hot_fields(job: Job, revision: str, progress: str, lease_until: str) -> Job:
    lease = float(lease_until) if lease_until else None
    return replace(job, revision=int(revision), progress=float(progress), lease_until=lease)
