"""All that can go wrong. `TimbreError` is above everything; no message holds a key, a text or a signed link."""

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

import httpx

if TYPE_CHECKING:
    from timbre_client.batch import Batch
    from timbre_client.job import Job


class TimbreError(Exception):
    """Base of all errors of this package."""


class ConfigurationError(TimbreError, ValueError):
    """The address or the key cannot be one."""


class InvalidId(TimbreError, ValueError):
    """What was given as an id is none."""


class ServerUnreachable(TimbreError):
    """The server, or the store of the audio, did not answer.

    `sent` is False where the request surely never arrived. Else it may have been carried out.
    """

    def __init__(self, where: str, reason: str, *, sent: bool) -> None:
        super().__init__(f"{where} does not answer ({reason}).")
        self.sent = sent


class UnexpectedAnswer(TimbreError):
    """Something answers, but not as Timbre does."""


class AudioUnavailable(TimbreError):
    """The store answered an error in place of the audio; its `status`."""

    def __init__(self, status: int) -> None:
        super().__init__(f"The audio cannot be fetched: its store answered {status}.")
        self.status = status


class UploadRefused(TimbreError):
    """The store did not take the recording; its `status`. Perhaps it is too large, or took too long."""

    def __init__(self, status: int) -> None:
        super().__init__(f"The recording was not stored: the store answered {status}.")
        self.status = status


class JobError(TimbreError):
    """Base of what a job can end in. `job` is its last reading."""

    def __init__(self, message: str, job: "Job") -> None:
        super().__init__(message)
        self.job = job


class JobFailed(JobError):
    """The job failed, was canceled, or expired. `type` is the problem's, where it failed."""

    def __init__(self, job: "Job") -> None:
        fault = job.error
        said = fault and (fault.detail or fault.title)
        super().__init__(said or f"The job is {job.status}.", job)
        self.type = fault.type if fault else None


class JobTimeout(JobError):
    """The job goes on, but was not waited for any longer."""

    def __init__(self, job: "Job", seconds: float) -> None:
        super().__init__(f"The job is {job.status} after {seconds:g} s.", job)


class BatchTimeout(TimbreError):
    """The batch goes on, but was not waited for any longer. `batch` is its last reading."""

    def __init__(self, batch: "Batch", seconds: float) -> None:
        super().__init__(f"The batch is {batch.status} after {seconds:g} s.")
        self.batch = batch


class AudioNotReady(JobError):
    """The job has not ended yet."""

    def __init__(self, job: "Job") -> None:
        super().__init__(f"The job is {job.status}; there is audio once it is succeeded.", job)


class AudioDamaged(JobError):
    """What arrived is not what was made."""

    def __init__(self, job: "Job") -> None:
        super().__init__("The audio arrived damaged.", job)


class ApiError(TimbreError):
    """The server refused. `problem` is its whole answer (RFC 9457), empty where it was none."""

    def __init__(self, response: httpx.Response) -> None:
        self.status = response.status_code
        self.problem = _problem(response)
        #: Stable: what to tell errors apart by, such as `/problems/field-invalid`.
        self.type = self._text("type") or "about:blank"
        self.title = self._text("title") or response.reason_phrase
        self.detail = self._text("detail")
        self.field = self._text("field")
        #: What would have been taken.
        self.accepted = self.problem.get("accepted")
        self.request_id = self._text("request_id") or response.headers.get("X-Request-ID")
        #: Seconds after which to try again.
        self.retry_after = retry_after(response.headers)
        super().__init__(self._message())

    def _text(self, name: str) -> str | None:
        value = self.problem.get(name)
        return value if isinstance(value, str) and value else None

    def _message(self) -> str:
        if not self.problem:
            return f"The server answered {self.status} {self.title}."
        said = self.detail or self.title
        return f"{self.field}: {said}" if self.field and self.field not in said else said


class InvalidRequestError(ApiError):
    """400, 413, 415, 422: the request is wrong; `field` says where, `accepted` what would have been right."""


class AuthenticationError(ApiError):
    """401: no key, or one that is not known."""


class PermissionDeniedError(ApiError):
    """403: the key may not do this."""


class NotFoundError(ApiError):
    """404: there is none of yours."""


class ConflictError(ApiError):
    """409: not in the state that things are in."""


class RateLimitError(ApiError):
    """429: too much for now; `retry_after` says for how long."""


class ServerError(ApiError):
    """5xx: not your fault. `request_id` leads to it in the server's log."""


class ServiceUnavailableError(ServerError):
    """503: a part is away, or full; `retry_after` says for how long."""


_BY_STATUS: Mapping[int, type[ApiError]] = {
    401: AuthenticationError,
    403: PermissionDeniedError,
    404: NotFoundError,
    409: ConflictError,
    429: RateLimitError,
    503: ServiceUnavailableError,
}


def api_error(response: httpx.Response) -> ApiError:
    """The error of an answer whose body was read."""
    others = ServerError if response.is_server_error else InvalidRequestError if response.is_client_error else ApiError
    return _BY_STATUS.get(response.status_code, others)(response)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds, or a date, as HTTP has it; None for neither."""
    value = headers.get("Retry-After", "").strip()
    if value.isdecimal():
        return float(value[:9])
    try:
        return max(0.0, (parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):
        return None


def _problem(response: httpx.Response) -> Mapping[str, Any]:
    try:
        document = response.json()
    except ValueError:
        return {}
    known = isinstance(document, dict) and any(isinstance(document.get(name), str) for name in ("title", "detail"))
    return document if known else {}
