"""Sending jobs to workers as their turn comes."""

from collections.abc import Iterable
from contextlib import suppress

import structlog

from services.shared.errors import JobNotFound, StaleJob, TransitionRefused, Unavailable
from services.shared.job import mark_unsent
from services.shared.line import Admitted
from services.shared.parts import Parts

log = structlog.get_logger(__name__)


def dispatch(parts: Parts) -> int:
    """Send the jobs whose turn it is, and tell how many there were. Whoever adds a job or takes one calls it.

    Raises `Unavailable`. Where the queue is away, the jobs are back in line. Who dies before a message is sent leaves
    it to the sweeper, which sends again what was lost.
    """
    admitted = parts.line.admit(parts.clock(), parts.settings.queue_lead)
    for number, one in enumerate(admitted):
        try:
            parts.queue.send(one.job_id, one.lane, traceparent=one.traceparent)
        except Unavailable:
            _put_back(parts, admitted[number:])
            raise
    return len(admitted)


def try_dispatch(parts: Parts, **log_ids: str) -> None:
    """As `dispatch`, for those whose jobs are safe in line whatever fails: the sweeper sends them then.

    `log_ids` are what a failure is logged with.
    """
    try:
        dispatch(parts)
    except Unavailable as error:
        log.warning("dispatch_unanswered", **log_ids, error=error.type)


def _put_back(parts: Parts, unsent: Iterable[Admitted]) -> None:
    for one in unsent:
        # Ended or deleted meanwhile: all the better. A message that was sent after all is a second one.
        with suppress(JobNotFound, StaleJob, TransitionRefused):
            job = parts.jobs.get(one.job_id)
            parts.jobs.replace(job, mark_unsent(job))
