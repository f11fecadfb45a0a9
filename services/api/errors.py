"""What can be wrong with a request itself, each with the HTTP status it answers."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from f5_tts_core.errors import TimbreError
from services.shared.job import JobFault


class ApiError(TimbreError):
    """Base of the errors that only the API knows. `field` and `accepted` help the client to mend the request."""

    status: ClassVar[int]

    def __init__(self, detail: str, *, field: str | None = None, accepted: str | None = None) -> None:
        super().__init__(detail)
        self.field = field
        self.accepted = accepted

    def members(self) -> dict[str, Any]:
        """What the problem says beyond the RFC's own members."""
        return {"field": self.field, "accepted": self.accepted}

    def headers(self) -> dict[str, str]:
        """Of its answer."""
        return {}


class MalformedForm(ApiError):
    type = "form-malformed"
    title = "The form cannot be read"
    status = 400


class MalformedJson(ApiError):
    type = "json-malformed"
    title = "The request's JSON cannot be read"
    status = 400


class UnsupportedMediaType(ApiError):
    type = "media-type-unsupported"
    title = "The request's content type is not accepted"
    status = 415


class PayloadTooLarge(ApiError):
    type = "payload-too-large"
    title = "The request is too large"
    status = 413


class RequestStalled(ApiError):
    type = "request-stalled"
    title = "The request's body stopped arriving"
    status = 408


class InvalidField(ApiError):
    type = "field-invalid"
    title = "A field of the request is not valid"
    status = 422


class SpeakerUnknown(ApiError):
    type = "speaker-unknown"
    title = "A mark in the text names no voice"
    status = 422

    def __init__(self, mark: str, position: int) -> None:
        super().__init__(
            f"`[{mark}]` at character {position} names none of your voices.",
            field="text",
            accepted="a voice of yours in brackets, by name or id, or [sample]; \\[ and \\] for spoken brackets",
        )
        self.mark = mark
        self.position = position

    def members(self) -> dict[str, Any]:
        return {**super().members(), "mark": self.mark, "position": self.position}


class LanguageNotSpoken(ApiError):
    type = "language-not-spoken"
    title = "The model does not speak this language"
    status = 422


class TranscriptNeeded(ApiError):
    type = "transcript-needed"
    title = "The reference's transcript is needed"
    status = 422


class WebhooksOff(ApiError):
    type = "webhooks-off"
    title = "This service sends no webhooks"
    status = 422

    def __init__(self, field: str | None = None) -> None:
        """`field` asked for one, if any did."""
        detail = "This service sends no webhooks: its operator has set no WEBHOOK_SECRET."
        super().__init__(detail, field=field, accepted=field and f"a request without `{field}`")


class IdempotencyKeyInUse(ApiError):
    type = "idempotency-key-in-use"
    title = "The first request with this idempotency key is under way"
    status = 409


class IdempotencyKeyReused(ApiError):
    type = "idempotency-key-reused"
    title = "The idempotency key belongs to another request"
    status = 422


class AudioNotReady(ApiError):
    type = "audio-not-ready"
    title = "The job has no audio to fetch"
    status = 409


class AudioExpired(ApiError):
    """There was audio, and its lifetime is over. The record lives on for a while."""

    type = "audio-expired"
    title = "The job's audio is no longer kept"
    status = 410


class NoConsentRecording(ApiError):
    type = "consent-not-recorded"
    title = "The consent was not recorded"
    status = 404


class DeletionUnfinished(ApiError):
    """More is to be deleted than one request can."""

    type = "deletion-unfinished"
    title = "The deletion is not finished"
    status = 503


class NotInTime(ApiError):
    """The client waited as long as it may, and the job that only it could have used is stopped."""

    type = "not-in-time"
    title = "The speech was not ready in time"
    status = 504


class SpeechBrokenOff(ApiError):
    """What was heard of a job's speech will not go on, and its beginning is not said twice."""

    type = "speech-broken-off"
    title = "The speech broke off"
    status = 503


class SessionIdle(ApiError):
    type = "session-idle"
    title = "Nothing was said for too long"
    status = 408


class SessionOver(ApiError):
    type = "session-over"
    title = "The session lasted as long as it may"
    status = 408


class ModelNotFound(ApiError):
    type = "model-not-found"
    title = "No such model"
    status = 404


class BatchRefused(ApiError):
    """Some of a batch's items are wrong, so none of them was taken."""

    type = "batch-items-invalid"
    title = "Items of the batch are not valid"
    status = 422

    def __init__(self, detail: str, errors: Sequence[Mapping[str, Any]]) -> None:
        super().__init__(detail, field="items")
        self.errors = errors

    def members(self) -> dict[str, Any]:
        return {"field": self.field, "errors": self.errors}


class NotReady(ApiError):
    """Some parts do not answer, so requests are better sent elsewhere."""

    type = "not-ready"
    title = "The service is not ready"
    status = 503

    def __init__(self, detail: str, parts: Sequence[Mapping[str, Any]]) -> None:
        super().__init__(detail)
        self.parts = parts

    def members(self) -> dict[str, Any]:
        return {"parts": self.parts}


class FieldRefused(ApiError):
    """The core refused what one field holds. Answered with the core's own type, title and status."""

    status = 422

    def __init__(self, field: str, cause: TimbreError) -> None:
        super().__init__(str(cause), field=field)
        self.cause = cause

    def members(self) -> dict[str, Any]:
        """What would be accepted, the cause says."""
        return {"field": self.field}


class JobFailed(ApiError):
    """The job that a client waits for failed. Answered with the job's own fault."""

    status = 500

    def __init__(self, job_id: str, fault: JobFault) -> None:
        super().__init__(fault.detail)
        self.job_id = job_id
        self.fault = fault
