"""Holding a tenant to its limits: requests in a minute, jobs under way, seconds of audio on a day."""

import math

import structlog
from starlette.concurrency import run_in_threadpool
from starlette.requests import HTTPConnection

from services.api.callers.allowances import Allowance, note
from services.api.callers.errors import AudioQuotaUsed, RateLimited
from services.api.callers.identity import Identity
from services.shared import days
from services.shared.errors import TooManyJobs, Unavailable
from services.shared.parts import Parts

log = structlog.get_logger(__name__)

_MINUTE = 60


async def count_request(connection: HTTPConnection, parts: Parts, identity: Identity) -> None:
    """Raises `RateLimited`. Where the count cannot be had it lets pass: whatever needs the store says so itself."""
    quota = identity.requests_per_minute
    if not quota:
        return
    try:
        window = await run_in_threadpool(parts.rates.hit, identity.counted_as, quota)
    except Unavailable as error:
        log.warning("metering.not_counted", error=error.type)
        return
    resets_in = min(_MINUTE, max(1, math.ceil(window.resets_at - parts.clock())))
    note(connection, Allowance("requests", quota, window.remaining, window=_MINUTE, resets_in=resets_in))
    if not window.allowed:
        raise RateLimited(f"The limit of {quota} requests a minute is reached.", retry_after=resets_in)


async def admit_job(connection: HTTPConnection, parts: Parts, identity: Identity) -> None:
    """Before any work is put into a new job: whether there may be one more.

    Raises `TooManyJobs`, `AudioQuotaUsed`, `Unavailable`. Others may be submitted at the same time: the last word on
    the number of jobs is the store's, when the job is added. Seconds are counted when audio was made, so that jobs
    already under way may go beyond them.
    """
    jobs, seconds = identity.concurrent_jobs, identity.audio_seconds
    if not (jobs or seconds):
        return
    now = parts.clock()
    usage = await run_in_threadpool(parts.jobs.usage, identity.owner, now)
    left_today = math.ceil(days.seconds_left(now))
    if jobs:
        note(connection, Allowance("jobs", jobs, jobs - usage.jobs - 1, unit="concurrent-jobs"))
    if seconds:
        left = seconds - usage.audio_seconds
        note(connection, Allowance("audio", seconds, left, days.SECONDS, left_today, unit="seconds"))
    if jobs and usage.jobs >= jobs:
        raise TooManyJobs(f"{usage.jobs} jobs are under way; at most {jobs} may be.")
    if seconds and usage.audio_seconds >= seconds:
        raise AudioQuotaUsed(f"The {seconds:g} seconds of audio for today are used up.", retry_after=left_today)
