"""A webhook's delivery: telling a receiver of a job's or batch's end, again and again over a day until it has heard.

pending -> delivered | failed, and back to pending when it is asked for again. Frozen, as jobs are.
"""

from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Final, Literal

from services.shared.batch import Batch
from services.shared.errors import BatchNotFound, JobNotFound
from services.shared.job import Job

#: What a webhook may tell of. No two have one id.
Subject = Job | Batch
DeliveryState = Literal["pending", "delivered", "failed"]

#: Seconds from one try to the next; after the last of them, about a day in all, the delivery has failed.
RETRY_SECONDS: Final = (5, 300, 1_800, 7_200, 18_000, 28_800, 28_800)
#: Waits are up to this share longer, so that receivers that come back are not run over.
_JITTER: Final = 0.2
#: The longest that it takes to come to the last try.
LAST_TRY_SECONDS: Final = round(sum(RETRY_SECONDS) * (1 + _JITTER))
#: The latest tries, which are all that is kept of them.
TRIES_KEPT: Final = 20


@dataclass(frozen=True)
class Try:
    """One request: when it was made, for how many seconds, and the status answered or why there was none."""

    at: float
    seconds: float
    status: int | None
    #: An error's stable type.
    error: str | None = None

    @property
    def succeeded(self) -> bool:
        return self.status is not None and 200 <= self.status < 300

    @property
    def outcome(self) -> str:
        """What came of it in a word: the class of the status (`2xx`), or the error's type."""
        return f"{self.status // 100}xx" if self.status else self.error or "unknown"


@dataclass(frozen=True)
class Delivery:
    state: DeliveryState = "pending"
    #: Tries ever made.
    attempts: int = 0
    #: Tries that failed since the delivery was last started.
    setbacks: int = 0
    #: Seconds since the epoch; None where no further try is due.
    next_attempt_at: float | None = None
    tries: tuple[Try, ...] = ()


def webhook_id(subject_id: str) -> str:
    """The same for every try, so that a receiver knows what it has heard already."""
    return f"msg_{subject_id}"


def end_of(subject: Subject) -> float | None:
    """When it ended; None while it has not. Of a batch none of whose jobs came to its end, no moment is kept."""
    if isinstance(subject, Job):
        return subject.completed_at
    return (subject.ended_at or subject.created_at) if subject.is_over else None


def gone(subject: Subject) -> JobNotFound | BatchNotFound:
    if isinstance(subject, Job):
        return JobNotFound(f"There is no job {subject.id}.")
    return BatchNotFound(f"There is no batch {subject.id}.")


def first_delivery(ended_at: float | None) -> Delivery:
    """What an end makes due; not yet, for what has not ended."""
    return Delivery(next_attempt_at=ended_at)


def after(delivery: Delivery, attempt: Try, now: float, chance: float) -> Delivery:
    """The delivery once `attempt` was made; `chance`, 0 to 1, spreads the next one."""
    tried = replace(
        delivery,
        attempts=delivery.attempts + 1,
        next_attempt_at=None,
        tries=(*delivery.tries, attempt)[-TRIES_KEPT:],
    )
    if attempt.succeeded:
        return replace(tried, state="delivered")
    if attempt.status == HTTPStatus.GONE or delivery.setbacks >= len(RETRY_SECONDS):
        return replace(tried, state="failed", setbacks=delivery.setbacks + 1)
    wait = RETRY_SECONDS[delivery.setbacks] * (1 + _JITTER * chance)
    return replace(tried, state="pending", setbacks=delivery.setbacks + 1, next_attempt_at=now + wait)


def restarted(delivery: Delivery, now: float) -> Delivery:
    """Due now, with a day of retries before it, whatever became of it before."""
    return replace(delivery, state="pending", setbacks=0, next_attempt_at=now)
