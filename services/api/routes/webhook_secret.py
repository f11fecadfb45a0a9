"""`/webhook-secret`: what the caller's own webhooks are signed with."""

from datetime import datetime

from fastapi import APIRouter, Depends
from pydantic import Field

from services.api.callers.auth import Caller
from services.api.documentation import problems
from services.api.errors import WebhooksOff
from services.api.http.listing import forbid_keeping
from services.api.state import ApiState, State
from services.api.views.output import Output, moment
from services.shared.webhook_secrets import TenantSecret, WebhookSecrets

router = APIRouter(prefix="/webhook-secret", tags=["webhooks"], dependencies=[Depends(forbid_keeping)])


class WebhookSecretView(Output):
    secret: str = Field(
        description="As the libraries of Standard Webhooks take it.",
        examples=["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo="],
    )
    rotated_at: datetime | None = Field(description="When it took the place of another; null for the first.")
    previous_until: datetime | None = Field(description="Until when the one before it signs too; null where none does.")


@router.get("", responses=problems(401, 422, 500, 503), summary="Read the secret of your webhooks")
def read_secret(caller: Caller, state: State) -> WebhookSecretView:
    """Yours alone: who receives other tenants' webhooks does not know it. Stays the same until it is rotated."""
    return _view(_secrets(state).of(caller, state.parts.clock()))


@router.post("/rotate", responses=problems(401, 422, 500, 503), summary="Change the secret of your webhooks")
def rotate_secret(caller: Caller, state: State) -> WebhookSecretView:
    """A new one from now on. For a day the one before it signs too, so that receivers have time to change over."""
    return _view(_secrets(state).rotate(caller, state.parts.clock()))


def _secrets(state: ApiState) -> WebhookSecrets:
    secret = state.parts.settings.webhook_secret
    if secret is None:
        raise WebhooksOff
    return WebhookSecrets(secret.get_secret_value(), state.parts.secrets)


def _view(secret: TenantSecret) -> WebhookSecretView:
    return WebhookSecretView(
        secret=secret.value,
        rotated_at=None if secret.rotated_at is None else moment(secret.rotated_at),
        previous_until=None if secret.previous_until is None else moment(secret.previous_until),
    )
