"""Waiting for a job on behalf of a client that wants the audio in its answer."""

from contextlib import suppress

import anyio
from fastapi import Request
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect

from services.shared.errors import Unavailable
from services.shared.job import Job
from services.shared.ports import JobStore

#: Seconds between two looks at the job.
POLL_SECONDS = 0.1


async def wait_for_end(jobs: JobStore, job: Job, seconds: float, request: Request | None = None) -> Job:
    """The job once it ended, or as it is after `seconds`. Raises `ClientDisconnect` when nobody waits any more."""
    with anyio.move_on_after(seconds):
        while not job.status.is_terminal:
            await anyio.sleep(POLL_SECONDS)
            if request is not None and await request.is_disconnected():
                raise ClientDisconnect
            # The job is accepted: a store that is away for a moment is no reason to say otherwise.
            with suppress(Unavailable):
                job = await run_in_threadpool(jobs.get, job.id)
    return job
