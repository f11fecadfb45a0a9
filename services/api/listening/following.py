"""A job on its way, as it happens."""

from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from dataclasses import replace
from typing import Final

import anyio
from starlette.concurrency import run_in_threadpool

from services.api.listening.narration import JobEvent, Narrator
from services.shared.errors import JobNotFound, Unavailable
from services.shared.job import Job, JobFault, JobStatus
from services.shared.news import READ_AGAIN, JobNews
from services.shared.parts import Parts
from services.shared.ports import JobStore

#: A queued job's place changes by what happens to others, so it is looked up.
QUEUE_SECONDS: Final = 1.0

_DELETED: Final = JobFault(type=JobNotFound.type, title=JobNotFound.title, detail="The job was deleted.")


async def changes(parts: Parts, job: Job, quiet_seconds: float) -> AsyncGenerator[Job, None]:
    """The job at every change, and after every `quiet_seconds` without one; its end is the last.

    Raises `JobNotFound` where it is deleted. A store that is away is waited for.
    """
    with parts.events.listen(job.id) as mailbox:
        while not job.status.is_terminal:
            news = READ_AGAIN
            with anyio.move_on_after(_patience(job, quiet_seconds)):
                news = await mailbox.take()
            job = await _catch_up(parts.jobs, job, news)
            yield job


async def follow(
    parts: Parts, job: Job, narrator: Narrator, quiet_seconds: float
) -> AsyncGenerator[JobEvent | None, None]:
    """What the narrator has to tell, from the job as it is to its end. None: nothing, but the line still stands."""
    latest = job
    yield await run_in_threadpool(narrator.tell, latest)
    try:
        async with aclosing(changes(parts, job, quiet_seconds)) as changed:
            async for latest in changed:
                yield await run_in_threadpool(narrator.tell, latest)
    except JobNotFound:
        yield await run_in_threadpool(narrator.tell, replace(latest, status=JobStatus.CANCELED, fault=_DELETED))


async def _catch_up(jobs: JobStore, job: Job, news: JobNews) -> Job:
    if news.revision == job.revision:
        return replace(job, progress=max(job.progress, news.progress))
    with suppress(Unavailable):
        return await run_in_threadpool(jobs.get, job.id)
    return job


def _patience(job: Job, quiet_seconds: float) -> float:
    return min(QUEUE_SECONDS, quiet_seconds) if job.status is JobStatus.QUEUED else quiet_seconds
