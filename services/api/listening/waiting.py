"""Waiting for a job on behalf of a client that wants the audio in its answer."""

from contextlib import aclosing

import anyio
from fastapi import Request
from starlette.requests import ClientDisconnect

from services.api.listening.following import changes
from services.shared.job import Job
from services.shared.parts import Parts

#: So often it is looked whether the client still waits: not at each step of its job, which takes less time than that.
_LOOK_SECONDS = 0.5


async def wait_for_end(parts: Parts, job: Job, seconds: float, request: Request | None = None) -> Job:
    """The job once it ended, or as it is after `seconds`. Raises `ClientDisconnect` when nobody waits any more."""
    if seconds <= 0:
        return job
    latest, look_at = job, anyio.current_time()
    with anyio.move_on_after(seconds):
        async with aclosing(changes(parts, job, _LOOK_SECONDS)) as changed:
            async for current in changed:
                latest = current
                if request is not None and anyio.current_time() >= look_at:
                    look_at = anyio.current_time() + _LOOK_SECONDS
                    if await request.is_disconnected():
                        raise ClientDisconnect
    return latest
