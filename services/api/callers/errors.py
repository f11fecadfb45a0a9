"""What keeps callers out: who they are, what they may do, and how much of it; each with its HTTP status."""

from services.api.errors import ApiError
from services.shared.errors import QueueFull, Unavailable


class KeyAwaited(ApiError):
    """A WebSocket's client that cannot send headers has to say its key first."""

    type = "key-awaited"
    title = "No API key was sent in time"
    status = 408


class Unauthorized(ApiError):
    type = "unauthorized"
    title = "A valid API key is needed"
    status = 401


class ScopeMissing(ApiError):
    """The caller is known, and may not do this."""

    type = "scope-missing"
    title = "The API key does not allow this"
    status = 403

    def __init__(self, scope: str, *, keyless: bool = False) -> None:
        whose = "Whoever sends no key" if keyless else "Your key or token"
        super().__init__(f"{whose} has not the scope for this.", accepted=f"a key or token with the scope `{scope}`")
        self.scope = scope

    def headers(self) -> dict[str, str]:
        return {"WWW-Authenticate": f'Bearer realm="timbre", error="insufficient_scope", scope="{self.scope}"'}


class PriorityNotAllowed(ApiError):
    """The caller may speak, and not so urgently."""

    type = "priority-not-allowed"
    title = "The API key does not allow this priority"
    status = 403


class LimitReached(ApiError):
    """Base of what is refused now and may be asked again after `retry_after` seconds."""

    status = 429

    def __init__(self, detail: str, *, retry_after: int) -> None:
        super().__init__(detail)
        self.retry_after = retry_after

    def headers(self) -> dict[str, str]:
        return {"Retry-After": str(self.retry_after)}


class RateLimited(LimitReached):
    type = "rate-limited"
    title = "Too many requests"


class AudioQuotaUsed(LimitReached):
    type = "audio-quota-used"
    title = "The day's seconds of audio are used up"


class TooManyStreams(LimitReached):
    type = "stream-limit-reached"
    title = "Too many streams are open"


class Overloaded(LimitReached):
    """More audio is queued than may be, and much of it is the caller's."""

    type = QueueFull.type
    title = QueueFull.title
    status = 503


class IdentityProviderUnavailable(Unavailable):
    type = "identity-provider-unavailable"
    title = "The identity provider does not answer"
