"""Batches in memory, for tests of the services. Held to the same contract suite as the real adapter."""

import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from services.shared.batch import Batch, BatchEntry
from services.shared.cursor import Cursor
from services.shared.errors import BatchNotFound, JobNotFound, QueueFull, TooManyJobs
from services.shared.job import Job, JobStatus
from services.shared.line import audio_ms, room_ms
from services.shared.news import JobNews
from services.shared.ports import BatchPage, Clock
from services.shared.testing.jobs import MemoryJobStore
from services.shared.webhook import end_of


@dataclass
class _Kept:
    batch: Batch
    names: dict[str, str | None]
    #: Where each job was last seen to stand.
    standing: dict[str, JobStatus] = field(default_factory=dict)
    gone_at: float | None = None


class MemoryBatchStore:
    """`BatchStore` beside a `MemoryJobStore`, away when that is. Hears of the jobs' changes as they are made."""

    def __init__(self, jobs: MemoryJobStore, clock: Clock, *, ttl_seconds: float = 3_600.0) -> None:
        self._jobs = jobs
        self._clock = clock
        self._ttl = ttl_seconds
        self._kept: dict[str, _Kept] = {}
        self._lock = threading.RLock()
        jobs.watchers.append(self._hear)

    def add(self, batch: Batch, jobs: Sequence[Job], *, limit: int = 0, room_seconds: float = 0.0) -> None:
        self._jobs.ping()
        with self._lock:
            if batch.id in self._kept:
                return
            if 0 < limit < self._jobs.usage(batch.owner, self._clock()).jobs + len(jobs):
                raise TooManyJobs(f"With {len(jobs)} more jobs, more than {limit} would be under way.")
            more = sum(map(audio_ms, jobs))
            if not self._jobs.lines.backlog(batch.owner).has_room(more, room_ms(room_seconds)):
                raise QueueFull(room_seconds, more)
            names = {job.id: job.custom_id for job in jobs}
            self._kept[batch.id] = _Kept(batch, names, dict.fromkeys(names, JobStatus.QUEUED))
        for job in jobs:
            self._jobs.add(job)

    def get(self, batch_id: str) -> Batch:
        with self._lock:
            kept = self._alive().get(batch_id)
        if kept is None:
            raise BatchNotFound(f"There is no batch {batch_id}.")
        return kept.batch

    def entries(self, batch_id: str, start: int, limit: int) -> Sequence[BatchEntry]:
        with self._lock:
            kept = self._alive().get(batch_id)
            names = [] if kept is None else list(kept.names.items())[start : start + limit]
        return [BatchEntry(job_id, custom_id, self._job(job_id)) for job_id, custom_id in names]

    def request_cancel(self, batch_id: str) -> None:
        with self._lock:
            self._kept[batch_id].batch = replace(self.get(batch_id), cancel_requested=True)

    def remove(self, batch_id: str) -> None:
        with self._lock:
            self.get(batch_id)
            del self._kept[batch_id]
            self._jobs.dues.pop(batch_id, None)

    def page(self, owner: str, *, limit: int, cursor: str | None = None) -> BatchPage:
        before = Cursor.decode(cursor) if cursor is not None else None
        with self._lock:
            mine = [kept.batch for kept in self._alive().values() if kept.batch.owner == owner]
        mine.sort(key=lambda batch: (batch.created_at, batch.id), reverse=True)
        found = [one for one in mine if before is None or (one.created_at, one.id) < (before.created_at, before.id)]
        rest = len(found) > limit
        return BatchPage(found[:limit], Cursor.after(found[limit - 1]).encode() if rest else None)

    def _hear(self, job_id: str, _news: JobNews) -> None:
        with self._lock:
            kept = next((kept for kept in self._kept.values() if job_id in kept.standing), None)
            if kept is None:
                return
            job = self._job(job_id)
            was = kept.standing[job_id]
            now = job.status if job is not None else was if was.is_terminal else JobStatus.CANCELED
            kept.standing[job_id] = now
            ended_at = job.completed_at if job is not None and now is not was and now.is_terminal else None
            self._recount(kept, ended_at)

    def _recount(self, kept: _Kept, ended_at: float | None) -> None:
        counts = Counter(kept.standing.values())
        kept.batch = replace(
            kept.batch,
            counts={status: counts[status] for status in JobStatus},
            ended_at=kept.batch.ended_at if ended_at is None else ended_at,
        )
        if kept.batch.is_over and kept.gone_at is None:
            kept.gone_at = self._clock() + self._ttl
            if kept.batch.webhook_url is not None:
                self._jobs.dues[kept.batch.id] = end_of(kept.batch) or 0.0

    def _job(self, job_id: str) -> Job | None:
        try:
            return self._jobs.get(job_id)
        except JobNotFound:
            return None

    def _alive(self) -> dict[str, _Kept]:
        """All batches whose time is not over. Fails while the store is down."""
        self._jobs.ping()
        now = self._clock()
        return {key: kept for key, kept in self._kept.items() if kept.gone_at is None or kept.gone_at > now}
