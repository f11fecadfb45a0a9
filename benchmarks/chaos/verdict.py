"""Whether what was promised was kept: each accepted job ended as it should, once, with the audio that it tells of."""

import time
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from benchmarks.chaos.traffic import BATCH_ITEMS, Ledger
from timbre_client import Timbre
from timbre_client.errors import AudioDamaged, AudioUnavailable, TimbreError
from timbre_client.job import Job

_LOOK_SECONDS: Final = 1.0


@dataclass(frozen=True)
class Verdict:
    #: Jobs that are there, those of batches and streams among them.
    jobs: int
    statuses: Mapping[str, int]
    #: How many jobs took how many attempts.
    attempts: Mapping[int, int]
    #: Seconds from each success' submission to it.
    waits: Sequence[float] = field(repr=False)
    #: Jobs and batches that are gone, not over, or over otherwise than was asked for.
    broken: Sequence[str]
    #: Jobs of one and the same request.
    doubled: Sequence[str]
    #: Jobs whose audio is not what their record tells of.
    damaged: Sequence[str]

    @property
    def is_kept(self) -> bool:
        return not (self.broken or self.doubled or self.damaged)


def settle(client: Timbre, seconds: float) -> None:
    """Wait until no job is under way, for so long at most."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            if not any(True for status in ("queued", "processing") for _ in client.jobs.list(status=status)):
                return
        except TimbreError:
            pass  # A part that died last is not back yet.
        time.sleep(_LOOK_SECONDS)


def judge(client: Timbre, ledger: Ledger) -> Verdict:
    jobs = {job.job_id: job for job in client.jobs.list()}
    ended = [job for job in jobs.values() if job.status == "succeeded"]
    texts = Counter(job.input.text for job in jobs.values())
    return Verdict(
        jobs=len(jobs),
        statuses=dict(Counter(job.status for job in jobs.values())),
        attempts=dict(Counter(job.attempts for job in jobs.values())),
        waits=[(job.completed_at - job.created_at).total_seconds() for job in ended if job.completed_at],
        broken=broken(jobs, ledger),
        doubled=[job.job_id for job in jobs.values() if texts[job.input.text] > 1],
        damaged=[job.job_id for job in ended if not _is_whole(client, job)],
    )


def broken(jobs: Mapping[str, Job], ledger: Ledger) -> list[str]:
    """A job that nobody promised, since its answer was lost, has to be over all the same."""
    found = [job_id for job_id in ledger.jobs if not _is_kept(jobs.get(job_id), ledger.unwanted)]
    found += [job.job_id for job in jobs.values() if job.job_id not in ledger.jobs and not job.is_terminal]
    return found + _broken_batches(jobs.values(), ledger.batches)


def _is_kept(job: Job | None, unwanted: Collection[str]) -> bool:
    if job is None:
        return False
    return job.status == "succeeded" or (job.status == "canceled" and job.job_id in unwanted)


def _broken_batches(jobs: Iterable[Job], promised: Collection[str]) -> list[str]:
    succeeded: dict[str, int] = defaultdict(int)
    for job in jobs:
        if job.batch_id and job.status == "succeeded":
            succeeded[job.batch_id] += 1
    return [batch for batch in promised if succeeded[batch] != BATCH_ITEMS]


def _is_whole(client: Timbre, job: Job) -> bool:
    try:
        with client.jobs.audio(job) as audio:
            return len(audio.read()) > 0
    except (AudioDamaged, AudioUnavailable):
        return False
