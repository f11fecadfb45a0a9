"""What the API answers about webhooks."""

from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from services.api.views.output import Output, moment
from services.shared.links import problem_path
from services.shared.webhook import Delivery, Subject, Try, end_of, first_delivery, webhook_id


class WebhookView(Output):
    url: str = Field(examples=["https://example.com/hooks/timbre"])
    state: Literal["waiting", "pending", "delivered", "failed"] = Field(
        description="`waiting` for the end; `pending`: tried until it is `delivered`, or has `failed` for good."
    )
    attempts: int
    last_status: int | None = Field(description="What the receiver answered last; null where it did not.")
    next_attempt_at: datetime | None


class WebhookTry(Output):
    at: datetime
    seconds: float
    status: int | None = Field(description="What the receiver answered; null where it did not.")
    error: str | None = Field(description="What kept us from asking it.", examples=["/problems/url-unreachable"])


class WebhookDetail(WebhookView):
    webhook_id: str = Field(
        description="The header `webhook-id`, the same at every try.",
        examples=["msg_019342a5b3c04f6e1a2b3c4d5e6f7a8b"],
    )
    tries: list[WebhookTry] = Field(description="The latest twenty.")


def webhook_detail(subject: Subject, delivery: Delivery | None) -> WebhookDetail:
    tries = [_try_view(one) for one in delivery.tries] if delivery else []
    return WebhookDetail(**_webhook(subject, delivery), webhook_id=webhook_id(subject.id), tries=tries)


def webhook_view(subject: Subject, delivery: Delivery | None) -> WebhookView | None:
    """None where none was asked for."""
    return None if subject.webhook_url is None else WebhookView(**_webhook(subject, delivery))


def _webhook(subject: Subject, delivery: Delivery | None) -> dict[str, Any]:
    """What every view of it shows. A delivery is stored from its first try on."""
    ended_at = end_of(subject)
    known = delivery or first_delivery(ended_at)
    return {
        "url": subject.webhook_url,
        "state": "waiting" if ended_at is None else known.state,
        "attempts": known.attempts,
        "last_status": known.tries[-1].status if known.tries else None,
        "next_attempt_at": None if known.next_attempt_at is None else moment(known.next_attempt_at),
    }


def _try_view(one: Try) -> WebhookTry:
    error = None if one.error is None else problem_path(one.error)
    return WebhookTry(at=moment(one.at), seconds=one.seconds, status=one.status, error=error)
