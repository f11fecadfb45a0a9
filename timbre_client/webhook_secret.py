"""`client.webhook_secret`: what your webhooks are signed with."""

from dataclasses import dataclass, field
from datetime import datetime

from timbre_client.blocking import Blocking, blocking
from timbre_client.session import Call, Session


@dataclass(frozen=True, kw_only=True)
class WebhookSecret:
    #: As the libraries of Standard Webhooks take it: `whsec_…`.
    secret: str = field(repr=False)
    #: When it took the place of another; None for the first.
    rotated_at: datetime | None = None
    #: Until when the one before it signs too; None where none does.
    previous_until: datetime | None = None


class AsyncWebhookSecrets:
    """Calls raise `InvalidRequestError` where the server sends no webhooks."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def get(self) -> WebhookSecret:
        """The one that signs now."""
        return await self._session.read(WebhookSecret, Call("GET", "/webhook-secret", repeatable=True))

    async def rotate(self) -> WebhookSecret:
        """A new one from now on. For a day the one before it signs too."""
        return await self._session.read(WebhookSecret, Call("POST", "/webhook-secret/rotate"))


class WebhookSecrets(Blocking[AsyncWebhookSecrets]):
    """Calls raise `InvalidRequestError` where the server sends no webhooks."""

    get = blocking(AsyncWebhookSecrets.get)
    rotate = blocking(AsyncWebhookSecrets.rotate)
