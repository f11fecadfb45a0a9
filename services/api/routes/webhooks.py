"""`/jobs/{job_id}/webhook`, `/batches/{batch_id}/webhook`: what became of a webhook, and another try."""

from functools import partial
from typing import Any, Final

from fastapi import APIRouter, Depends

from services.api.callers.auth import Caller
from services.api.callers.ownership import own_batch, own_job
from services.api.documentation import problems
from services.api.http.ids import RecordId
from services.api.http.listing import forbid_keeping
from services.api.state import ApiState, State
from services.api.views.webhook import WebhookDetail, webhook_detail
from services.shared.errors import TransitionRefused, WebhookNotFound
from services.shared.webhook import Delivery, Subject, end_of, restarted
from services.shared.webhook_event import BatchWebhookEvent, WebhookEvent

router = APIRouter(tags=["webhooks"], dependencies=[Depends(forbid_keeping)])
#: What we send, for the documentation alone.
sent = APIRouter()

_JOB: Final = "/jobs/{job_id}/webhook"
_BATCH: Final = "/batches/{batch_id}/webhook"
_TOLD: Final[dict[int | str, dict[str, Any]]] = {
    "4XX": {"description": "`410`: never again. Any other: tried again later."}
}
_of_batch = partial(
    problems,
    examples={404: ("batch-not-found", "No such batch", "You have no batch of this id.", None)},
    instance="/batches/019342a5b3c04f6e1a2b3c4d5e6f7a8b/webhook",
)


@sent.post(
    "job-ended",
    status_code=204,
    responses=_TOLD,
    summary="A job has ended",
)
def job_ended(body: WebhookEvent) -> None:
    """Sent to the job's `webhook_url` when it has succeeded, failed, been canceled or expired.

    Signed after [Standard Webhooks](https://www.standardwebhooks.com): `webhook-signature` is `v1,` and the
    HMAC-SHA256, in base64, of `{webhook-id}.{webhook-timestamp}.{body}`. Any 2xx ends the delivery, as does 410;
    after anything else it is tried again over a day, with the same `webhook-id`. It may come more than once.
    """


@sent.post("batch-ended", status_code=204, responses=_TOLD, summary="A batch has ended")
def batch_ended(body: BatchWebhookEvent) -> None:
    """Sent to the batch's `batch_webhook_url` when the last of its jobs has ended, signed and tried as a job's is."""


@router.get(_JOB, responses=problems(401, 404, 422, 500, 503), summary="What became of a job's webhook")
def read_webhook(job_id: RecordId, caller: Caller, state: State) -> WebhookDetail:
    """The delivery with its latest tries, the oldest of them first."""
    return _detail(state, own_job(state, caller, job_id))


@router.post(
    f"{_JOB}/redeliver",
    status_code=202,
    responses=problems(401, 404, 409, 422, 500, 503),
    summary="Send a job's webhook again",
)
def redeliver(job_id: RecordId, caller: Caller, state: State) -> WebhookDetail:
    """Sends it now, whatever became of it before, with a day of retries. The `webhook-id` stays the same."""
    return _redeliver(state, own_job(state, caller, job_id))


@router.get(_BATCH, responses=_of_batch(401, 404, 422, 500, 503), summary="What became of a batch's webhook")
def read_batch_webhook(batch_id: RecordId, caller: Caller, state: State) -> WebhookDetail:
    """The delivery with its latest tries, the oldest of them first."""
    return _detail(state, own_batch(state, caller, batch_id))


@router.post(
    f"{_BATCH}/redeliver",
    status_code=202,
    responses=_of_batch(401, 404, 409, 422, 500, 503),
    summary="Send a batch's webhook again",
)
def redeliver_of_batch(batch_id: RecordId, caller: Caller, state: State) -> WebhookDetail:
    """Sends it now, whatever became of it before, with a day of retries. The `webhook-id` stays the same."""
    return _redeliver(state, own_batch(state, caller, batch_id))


def _detail(state: ApiState, subject: Subject) -> WebhookDetail:
    _require_webhook(subject)
    return webhook_detail(subject, _delivery(state, subject))


def _redeliver(state: ApiState, subject: Subject) -> WebhookDetail:
    _require_webhook(subject)
    if end_of(subject) is None:
        raise TransitionRefused(f"It is {subject.status}; its webhook is sent once it has ended.")
    delivery = restarted(_delivery(state, subject) or Delivery(), state.parts.clock())
    state.parts.webhooks.restart(subject, delivery)
    return webhook_detail(subject, delivery)


def _require_webhook(subject: Subject) -> None:
    if subject.webhook_url is None:
        raise WebhookNotFound("It was submitted without a webhook.")


def _delivery(state: ApiState, subject: Subject) -> Delivery | None:
    return state.parts.webhooks.find([subject]).get(subject.id)
