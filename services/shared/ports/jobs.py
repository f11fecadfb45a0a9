"""Job records, and news of them."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from services.shared.job import Job, JobStatus
from services.shared.line import Place
from services.shared.news import Mailbox


@dataclass(frozen=True)
class JobPage:
    jobs: Sequence[Job]
    #: Opaque; None on the last page.
    next_cursor: str | None


@dataclass(frozen=True)
class Beat:
    """The store's answer to a heartbeat."""

    #: False: the lease was lost to another attempt, or the job is gone or over.
    owned: bool
    cancel_requested: bool = False


@dataclass(frozen=True)
class Usage:
    """What an owner uses of the service."""

    #: Jobs that are queued or processing.
    jobs: int
    #: Seconds of audio that its jobs were made of on this day (UTC).
    audio_seconds: float


class JobStore(Protocol):
    """Job records. Writes are compare-and-set on `revision`; only `beat` updates in place."""

    def add(self, job: Job, *, limit: int = 0, room_seconds: float = 0.0) -> Place | None:
        """Store a job, and tell where it stands; None where it is not queued.

        Raises `StaleJob` where the id is taken by another job; the same one again is no conflict.

        Raises `TooManyJobs` where `limit` of the owner's jobs have not ended yet, and `QueueFull` where queued jobs are
        more than `room_seconds` of audio, as `Backlog.has_room` has it; 0 is no limit.
        """
        ...

    def get(self, job_id: str) -> Job:
        """Raises `JobNotFound`."""
        ...

    def replace(self, old: Job, new: Job) -> Job:
        """Store `new` where `old` lies, and return it with its new revision.

        Raises `StaleJob` where the record's revision is not `old`'s, `JobNotFound` where it is gone. The same end
        stored twice is no conflict: the first answer may have been lost. Within one attempt, lease and progress
        never fall behind what a beat has set meanwhile.
        A record that became terminal is kept for the store's lifetime of ended jobs from then on. The audio of one
        that succeeds is counted for its owner, once.
        """
        ...

    def remove(self, job_id: str) -> None:
        """Raises `JobNotFound`."""
        ...

    def page(self, owner: str, *, limit: int, cursor: str | None = None, status: JobStatus | None = None) -> JobPage:
        """An owner's jobs, newest first. Raises `ValueError` on a cursor that is not one of ours."""
        ...

    def beat(self, job_id: str, attempt: int, *, progress: float, lease_until: float) -> Beat:
        """Extend the lease and note the progress of a running attempt, in one round trip."""
        ...

    def lapsed(self, now: float, limit: int) -> Sequence[Job]:
        """Processing jobs whose lease has run out by `now`, longest ago first."""
        ...

    def find(self, job_ids: Sequence[str]) -> Mapping[str, Job]:
        """Those of these ids that there are, in one round trip."""
        ...

    def overdue(self, now: float, limit: int) -> Sequence[Job]:
        """Queued jobs whose deadline has passed by `now`, longest ago first."""
        ...

    def outlived(self, now: float, limit: int) -> Sequence[str]:
        """Ids of jobs whose audio is to be deleted by `now`, longest ago first.

        A job is listed from its output's `expires_at` on, by the very write that ended it, until `forget_audio`. Its
        record may be gone before that, but for one that was removed.
        """
        ...

    def postpone_audio(self, job_id: str, until: float) -> None:
        """Have `outlived` leave a job out until then. Nothing where it would not list it anyway."""
        ...

    def forget_audio(self, job_id: str) -> None:
        """The audio is deleted: `outlived` lists the job no more. No error where it does not."""
        ...

    def queued(self, limit: int) -> Sequence[Job]:
        """Queued jobs, of all owners, longest waiting first."""
        ...

    def usage(self, owner: str, now: float) -> Usage:
        """In one round trip, and no scan. Seconds are kept for two days, whatever becomes of the jobs."""
        ...

    def counts(self) -> dict[JobStatus, int]:
        """How many are queued and processing."""
        ...

    def positions(self, job_ids: Sequence[str]) -> Sequence[int | None]:
        """For each job how many queued ones, of all owners, are before it; None where it is not queued.

        Of those for the same model, all that are more urgent are, and of its own priority those whose turn comes
        sooner, as it looks now. One round trip, and no scan: O(log n) a job.
        """
        ...

    def ping(self) -> None: ...


class JobEvents(Protocol):
    """Tells what happens to jobs as it happens. Of one event loop; an outage of the source is waited out in silence."""

    def listen(self, job_id: str) -> AbstractContextManager[Mailbox]:
        """Inside, the mailbox is given the latest of a job: a new revision, each percent of progress, its removal.

        After an outage it is told to read the record again. Never blocks, never raises.
        """
        ...

    async def close(self) -> None: ...
