"""Job records in memory."""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, replace
from typing import Any

from services.shared import errors
from services.shared.cursor import Cursor
from services.shared.days import day_of
from services.shared.job import Job, JobInput, JobStatus, mark_enqueued, new_id, reference_key, spoken_seconds
from services.shared.line import Place, audio_ms, room_ms
from services.shared.news import READ_AGAIN, JobNews, percent
from services.shared.ports import Beat, Clock, JobPage, Usage
from services.shared.testing.clock import START
from services.shared.testing.lines import Lines


class MemoryJobStore:
    """`JobStore` in a dict; ended records vanish `ttl_seconds` after their end by the injected clock."""

    def __init__(self, clock: Clock, *, ttl_seconds: float = 3_600.0) -> None:
        self.down = False
        self._clock = clock
        self._ttl = ttl_seconds
        self._jobs: dict[str, Job] = {}
        self._gone_at: dict[str, float] = {}
        #: Ended jobs and batches whose webhooks are due, by when; `MemoryWebhookStore` works on them.
        self.dues: dict[str, float] = {}
        self._audio: dict[str, float] = {}
        #: Seconds of audio that were made, by owner and day.
        self._spoken: dict[tuple[str, int], float] = {}
        self.lines = Lines()
        self._lock = threading.RLock()
        #: Told of every change, in the thread that makes it.
        self.watchers: list[Callable[[str, JobNews], None]] = []

    def add(self, job: Job, *, limit: int = 0, room_seconds: float = 0.0) -> Place | None:
        with self._lock:
            if job.id not in self._alive():
                if 0 < limit <= self._under_way(job.owner):
                    raise errors.TooManyJobs(f"{limit} jobs are under way, which is the limit.")
                if not self.lines.backlog(job.owner).has_room(audio_ms(job), room_ms(room_seconds)):
                    raise errors.QueueFull(room_seconds, audio_ms(job))
                self._note_end(job)
                self.lines.move(None, job)
            if self._alive().setdefault(job.id, job) != job:
                raise errors.StaleJob(f"The id {job.id} is taken.")
            return self.lines.place_of(job)

    def get(self, job_id: str) -> Job:
        with self._lock:
            job = self._alive().get(job_id)
        if job is None:
            raise errors.JobNotFound(f"There is no job {job_id}.")
        return job

    def replace(self, old: Job, new: Job) -> Job:
        with self._lock:
            stored = self.get(old.id)
            if new.status.is_terminal and replace(new, revision=stored.revision) == stored:
                return stored
            if stored.revision != old.revision:
                raise errors.StaleJob(f"The job is at revision {stored.revision}, not {old.revision}.")
            written = self._write(stored, _keep_beats(stored, new))
            if not stored.status.is_terminal:
                self._note_end(written)
                self._note_spoken(written)
            if written.status.is_terminal:
                self._gone_at.setdefault(old.id, self._clock() + self._ttl)
            return written

    def remove(self, job_id: str) -> None:
        with self._lock:
            self.lines.move(self.get(job_id), None)
            del self._jobs[job_id]
            self._gone_at.pop(job_id, None)
            self.dues.pop(job_id, None)
            self._audio.pop(job_id, None)
            self._tell(job_id, READ_AGAIN)

    def page(self, owner: str, *, limit: int, cursor: str | None = None, status: JobStatus | None = None) -> JobPage:
        before = Cursor.decode(cursor) if cursor is not None else None
        found = [
            job
            for job in self._sorted(reverse=True)
            if job.owner == owner
            and status in (None, job.status)
            and (before is None or (job.created_at, job.id) < (before.created_at, before.id))
        ]
        rest = len(found) > limit
        return JobPage(found[:limit], Cursor.after(found[limit - 1]).encode() if rest else None)

    def beat(self, job_id: str, attempt: int, *, progress: float, lease_until: float) -> Beat:
        with self._lock:
            job = self._alive().get(job_id)
            if job is None or job.status is not JobStatus.PROCESSING or job.attempt != attempt:
                return Beat(owned=False)
            self._jobs[job_id] = replace(job, progress=progress, lease_until=lease_until)
            if percent(progress) != percent(job.progress):
                self._tell(job_id, JobNews(job.revision, progress))
            return Beat(owned=True, cancel_requested=job.cancel_requested)

    def lapsed(self, now: float, limit: int) -> Sequence[Job]:
        running = [job for job in self._sorted() if job.status is JobStatus.PROCESSING]
        lapsed = [job for job in running if (job.lease_until or 0.0) <= now]
        return sorted(lapsed, key=lambda job: (job.lease_until or 0.0, job.id))[:limit]

    def admit(self, now: float, lead: int) -> Sequence[Job]:
        """As `JobLine` does it."""
        self.ping()
        with self._lock:
            return [self._write(job, mark_enqueued(job, now)) for job in self.lines.admit(now, lead)]

    def find(self, job_ids: Sequence[str]) -> Mapping[str, Job]:
        with self._lock:
            alive = self._alive()
            return {job_id: alive[job_id] for job_id in job_ids if job_id in alive}

    def overdue(self, now: float, limit: int) -> Sequence[Job]:
        overdue = [job for job in self._sorted() if job.status is JobStatus.QUEUED and job.is_overdue(now)]
        return sorted(overdue, key=lambda job: (job.deadline_at, job.id))[:limit]

    def outlived(self, now: float, limit: int) -> Sequence[str]:
        self.ping()
        with self._lock:
            by_time = sorted(self._audio.items(), key=lambda item: item[1])
            return [job_id for job_id, expires_at in by_time if expires_at <= now][:limit]

    def postpone_audio(self, job_id: str, until: float) -> None:
        self.ping()
        with self._lock:
            if job_id in self._audio:
                self._audio[job_id] = until

    def forget_audio(self, job_id: str) -> None:
        self.ping()
        with self._lock:
            self._audio.pop(job_id, None)

    def queued(self, limit: int) -> Sequence[Job]:
        return [job for job in self._sorted() if job.status is JobStatus.QUEUED][:limit]

    def usage(self, owner: str, now: float) -> Usage:
        with self._lock:
            return Usage(self._under_way(owner), self._spoken.get((owner, day_of(now)), 0.0))

    def counts(self) -> dict[JobStatus, int]:
        statuses = [job.status for job in self._sorted()]
        return {status: statuses.count(status) for status in (JobStatus.QUEUED, JobStatus.PROCESSING)}

    def positions(self, job_ids: Sequence[str]) -> Sequence[int | None]:
        self.ping()
        with self._lock:
            places = self.lines.positions()
        return [places.get(job_id) for job_id in job_ids]

    def ping(self) -> None:
        self._alive()

    def lifetime(self, job_id: str) -> float | None:
        """Seconds until an ended record vanishes; None while it is kept for good."""
        with self._lock:
            gone_at = self._gone_at.get(job_id)
        return None if gone_at is None else gone_at - self._clock()

    def _write(self, stored: Job, new: Job) -> Job:
        written = replace(new, revision=stored.revision + 1)
        self._jobs[stored.id] = written
        self.lines.move(stored, written)
        self._tell(stored.id, JobNews(written.revision, written.progress))
        return written

    def _under_way(self, owner: str) -> int:
        return sum(job.owner == owner and not job.status.is_terminal for job in self._alive().values())

    def _note_spoken(self, job: Job) -> None:
        if (seconds := spoken_seconds(job)) and job.completed_at:
            account = (job.owner, day_of(job.completed_at))
            self._spoken[account] = self._spoken.get(account, 0.0) + seconds

    def _note_end(self, job: Job) -> None:
        if job.output and job.output.expires_at is not None:
            self._audio[job.id] = job.output.expires_at
        if job.webhook_url and job.status.is_terminal:
            self.dues[job.id] = job.completed_at or self._clock()

    def _tell(self, job_id: str, news: JobNews) -> None:
        for watcher in self.watchers:
            watcher(job_id, news)

    def _sorted(self, *, reverse: bool = False) -> list[Job]:
        with self._lock:
            return sorted(self._alive().values(), key=lambda job: (job.created_at, job.id), reverse=reverse)

    def _alive(self) -> dict[str, Job]:
        """All records, after those whose time is over were dropped. Fails while the store is down."""
        if self.down:
            raise errors.JobStoreUnavailable("The job store does not answer.")
        with self._lock:
            now = self._clock()
            for job_id in [key for key, gone_at in self._gone_at.items() if gone_at <= now]:
                del self._jobs[job_id], self._gone_at[job_id]
            return self._jobs


def _keep_beats(stored: Job, new: Job) -> Job:
    """A writer that read the job before the latest beat must not take that beat back."""
    if new.status is not JobStatus.PROCESSING or new.attempt != stored.attempt:
        return new
    lease = max(stored.lease_until or 0.0, new.lease_until or 0.0)
    return replace(new, lease_until=lease, progress=max(stored.progress, new.progress))


def make_job(**overrides: Any) -> Job:
    """A fresh queued job. Fields of `Job` and of its `JobInput` may be given alike."""
    created_at = overrides.pop("created_at", START)
    job_id = overrides.pop("id", None) or new_id(created_at)
    values: dict[str, Any] = {
        "text": "Hello from the other side.",
        "reference_key": reference_key(job_id),
        "reference_sha256": "0" * 64,
        "ref_text": "What the reference says.",
        "speed": 1.0,
        "seed": None,
        "nfe_step": 7,
        "cfg_strength": 2.0,
        "remove_silence": False,
        "format": "wav",
        "voice_id": None,
    }
    asked = {one.name for one in fields(JobInput)}
    values.update({name: overrides.pop(name) for name in list(overrides) if name in asked})
    others: dict[str, Any] = {"owner": "anonymous", "input": JobInput(**values), **overrides}
    return Job(id=job_id, created_at=created_at, **others)
