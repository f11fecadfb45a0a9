"""Waiting for a job on behalf of a client that wants the audio in its answer."""

from contextlib import aclosing

import anyio
from fastapi import Request
from starlette.requests import ClientDisconnect

from services.api.listening.following import changes
from services.shared.job import Job
from services.shared.parts import Parts

#: Seconds without news after which it is looked whether the client still waits.
_QUIET_SECONDS = 0.5


async def wait_for_end(parts: Parts, job: Job, seconds: float, request: Request | None = None) -> Job:
    """The job once it ended, or as it is after `seconds`. Raises `ClientDisconnect` when nobody waits any more."""
    if seconds <= 0:
        return job
    latest = job
    with anyio.move_on_after(seconds):
        async with aclosing(changes(parts, job, _QUIET_SECONDS)) as changed:
            async for current in changed:
                latest = current
                if request is not None and await request.is_disconnected():
                    raise ClientDisconnect
    return latest
