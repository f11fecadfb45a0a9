"""The control process's second use case: tell receivers of jobs and batches that have ended."""

import random
import time
from collections.abc import Callable
from concurrent.futures import Executor
from contextlib import AbstractContextManager
from typing import Final
from urllib.parse import urlsplit

import structlog

from services.shared.errors import Unavailable, UrlRefused, UrlUnreachable
from services.shared.job import Job
from services.shared.parts import Parts
from services.shared.ports import HeldDelivery, Span
from services.shared.webhook import Delivery, Subject, Try, after, webhook_id
from services.shared.webhook_event import event_of
from services.shared.webhook_secrets import WebhookSecrets
from services.worker.slots import Slots

logger = structlog.get_logger(__name__)

#: Deliveries on their way at once.
SLOTS: Final = 32
#: Of them, to one host: a receiver that hangs must not keep the others waiting.
_SLOTS_A_HOST: Final = 8
#: What a busy host's further deliveries wait before they are looked at again.
_BUSY_SECONDS: Final = 1.0
#: Batches looked at in one go: enough to get past a thousand deliveries of hosts that are busy.
_MOST_BATCHES: Final = 60
#: What a try may take beside the receiver's own time: resolving its name, above all.
_SPARE_SECONDS: Final = 30.0


class Deliverer:
    """Several processes may run one each: a delivery that is due is given to one of them at a time.

    Delivered at least once: a process that dies after the receiver has answered, and before that is stored, leaves
    the delivery to be made again, with the same `webhook-id`.
    """

    def __init__(
        self,
        parts: Parts,
        secrets: WebhookSecrets,
        executor: Executor,
        *,
        chance: Callable[[], float] = random.random,
        stopwatch: Callable[[], float] = time.monotonic,
    ) -> None:
        """`executor` runs up to `SLOTS` deliveries beside each other."""
        self._parts = parts
        self._secrets = secrets
        self._executor = executor
        self._chance = chance
        self._stopwatch = stopwatch
        self._seconds = parts.settings.webhook_timeout_seconds
        self._slots = Slots(SLOTS, _SLOTS_A_HOST)

    def start_due(self) -> None:
        """Set going what is due, as far as there is room. Does not wait for it; an outage only delays."""
        try:
            for _ in range(_MOST_BATCHES):
                room = self._slots.free()
                if room == 0 or not self._start_batch(room):
                    return
        except Unavailable as error:
            logger.warning("deliveries_delayed", reason=error.type)

    def _start_batch(self, limit: int) -> bool:
        """Whether there was anything due."""
        hold = self._seconds + _SPARE_SECONDS
        taken = self._parts.webhooks.take(self._parts.clock(), limit, hold_seconds=hold)
        waiting = [held for held in taken if not self._start(held)]
        self._parts.webhooks.postpone(waiting, self._parts.clock() + _BUSY_SECONDS)
        return bool(taken)

    def _start(self, held: HeldDelivery) -> bool:
        host = urlsplit(held.subject.webhook_url or "").hostname or ""
        started = self._slots.take(host)
        if started:
            self._executor.submit(self._deliver, held, host)
        return started

    # --- one delivery, on a thread of the executor --------------------------------------------------

    def _deliver(self, held: HeldDelivery, host: str) -> None:
        with structlog.contextvars.bound_contextvars(**held.subject.log_ids()), self._span(held.subject) as span:
            try:
                attempt = self._try(held)
                span.set({"timbre.outcome": attempt.outcome})
                self._settle(held, attempt)
            except Unavailable as error:
                # It is made again once nobody holds it any more.
                logger.warning("delivery_unsettled", reason=error.type)
            except Exception:
                logger.exception("delivery_broke_off")
            finally:
                self._slots.give_back(host)

    def _span(self, subject: Subject) -> AbstractContextManager[Span]:
        """In the trace of the request that a job came with; a batch's stands alone."""
        parent = subject.traceparent if isinstance(subject, Job) else None
        return self._parts.tracer.span("webhook", kind="client", parent=parent, attributes={"timbre.about": subject.id})

    def _try(self, held: HeldDelivery) -> Try:
        at, started = self._parts.clock(), self._stopwatch()
        status, error = self._post(held, at)
        return Try(at=at, seconds=round(self._stopwatch() - started, 3), status=status, error=error)

    def _post(self, held: HeldDelivery, now: float) -> tuple[int | None, str | None]:
        """The status that was answered, or the type of what kept it from us."""
        signer = self._secrets.signer(held.subject.owner, now)
        body = event_of(held.subject, self._parts).model_dump_json().encode()
        headers = {"Content-Type": "application/json", **signer.headers(webhook_id(held.subject.id), body, now)}
        try:
            return self._parts.outbound.post(held.subject.webhook_url or "", body, headers, seconds=self._seconds), None
        except (UrlRefused, UrlUnreachable) as error:
            return None, error.type

    def _settle(self, held: HeldDelivery, attempt: Try) -> None:
        delivery = after(held.delivery, attempt, self._parts.clock(), self._chance())
        if self._parts.webhooks.settle(held, delivery):
            _log(delivery, attempt)
        else:
            logger.info("delivery_in_other_hands")


def _log(delivery: Delivery, attempt: Try) -> None:
    """Without the URL: it may hold what opens the receiver's door."""
    logger.info(
        "webhook_tried",
        state=delivery.state,
        attempt=delivery.attempts,
        status=attempt.status,
        error=attempt.error,
    )
