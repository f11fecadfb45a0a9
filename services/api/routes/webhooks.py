"""`/jobs/{job_id}/webhook`: what became of a job's webhook, and another try."""

from fastapi import APIRouter, Depends

from services.api.auth import Caller
from services.api.documentation import problems
from services.api.listing import forbid_keeping
from services.api.ownership import own_job
from services.api.routes.jobs import JobId
from services.api.schemas import WebhookDetail, webhook_detail
from services.api.state import ApiState, State
from services.shared.errors import TransitionRefused, WebhookNotFound
from services.shared.job import Job
from services.shared.webhook import Delivery, restarted
from services.shared.webhook_event import WebhookEvent

router = APIRouter(prefix="/jobs/{job_id}/webhook", tags=["webhooks"], dependencies=[Depends(forbid_keeping)])
#: What we send, for the documentation alone.
sent = APIRouter()


@sent.post(
    "job-ended",
    status_code=204,
    responses={"4XX": {"description": "`410`: never again. Any other: tried again later."}},
    summary="A job has ended",
)
def job_ended(body: WebhookEvent) -> None:
    """Sent to the job's `webhook_url` when it has succeeded, failed, been canceled or expired.

    Signed after [Standard Webhooks](https://www.standardwebhooks.com): `webhook-signature` is `v1,` and the
    HMAC-SHA256, in base64, of `{webhook-id}.{webhook-timestamp}.{body}`. Any 2xx ends the delivery, as does 410;
    after anything else it is tried again over a day, with the same `webhook-id`. It may come more than once.
    """


@router.get("", responses=problems(401, 404, 422, 500, 503), summary="What became of a job's webhook")
def read_webhook(job_id: JobId, caller: Caller, state: State) -> WebhookDetail:
    """The delivery with its latest tries, the oldest of them first."""
    job = _job_with_webhook(state, caller, job_id)
    return webhook_detail(job, _delivery(state, job))


@router.post(
    "/redeliver",
    status_code=202,
    responses=problems(401, 404, 409, 422, 500, 503),
    summary="Send a job's webhook again",
)
def redeliver(job_id: JobId, caller: Caller, state: State) -> WebhookDetail:
    """Sends it now, whatever became of it before, with a day of retries. The `webhook-id` stays the same."""
    job = _job_with_webhook(state, caller, job_id)
    if not job.status.is_terminal:
        raise TransitionRefused(f"The job is {job.status}; its webhook is sent once it has ended.")
    delivery = restarted(_delivery(state, job) or Delivery(), state.parts.clock())
    state.parts.webhooks.restart(job.id, delivery)
    return webhook_detail(job, delivery)


def _job_with_webhook(state: ApiState, caller: str, job_id: str) -> Job:
    job = own_job(state, caller, job_id)
    if job.webhook_url is None:
        raise WebhookNotFound("The job was submitted without `webhook_url`.")
    return job


def _delivery(state: ApiState, job: Job) -> Delivery | None:
    return state.parts.webhooks.find([job.id]).get(job.id)
