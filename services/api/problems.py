"""Every error as problem details (RFC 9457): which status each of our errors answers, and what its body says."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from f5_tts_core import limits
from f5_tts_core.errors import AudioError, TextError, TimbreError, UnsupportedEncoding
from services.api.dialects.elevenlabs_errors import elevenlabs_error, speaks_elevenlabs
from services.api.dialects.openai_errors import openai_error, openai_headers, openai_status, speaks_openai
from services.api.dialects.runpod_errors import as_runpod, speaks_runpod
from services.api.errors import ApiError, FieldRefused, InvalidField, JobFailed
from services.api.forms.accepting import accepted_parameter
from services.shared.errors import (
    AudioRefused,
    BatchNotFound,
    BlobNotFound,
    ContentTooLarge,
    JobNotFound,
    KeyNotFound,
    QueueFull,
    StaleJob,
    StaleVoice,
    TooManyJobs,
    TooManyUploads,
    TooManyVoices,
    TranscriptionFailed,
    TransitionRefused,
    Unavailable,
    UploadInfected,
    UploadNotFound,
    UploadTooLargeToScan,
    UrlNotServed,
    UrlRefused,
    UrlUnreachable,
    VoiceNameTaken,
    VoiceNotFound,
    WebhookNotFound,
)
from services.shared.links import problem_path

MEDIA_TYPE = "application/problem+json"
#: Seconds after which a client may try again when a part is away.
RETRY_AFTER = 5

#: What the errors of core and shared answer; a class stands for its subclasses too. Anything else is our fault.
_STATUS: Mapping[type[TimbreError], int] = {
    AudioError: 400,
    TextError: 422,
    AudioRefused: 422,
    UnsupportedEncoding: 422,
    TranscriptionFailed: 422,
    JobNotFound: 404,
    BatchNotFound: 404,
    BlobNotFound: 404,
    VoiceNotFound: 404,
    KeyNotFound: 404,
    TooManyJobs: 429,
    QueueFull: 503,
    VoiceNameTaken: 409,
    TooManyVoices: 409,
    StaleVoice: 409,
    WebhookNotFound: 404,
    UrlRefused: 422,
    UrlUnreachable: 422,
    UrlNotServed: 422,
    ContentTooLarge: 413,
    UploadInfected: 400,
    UploadNotFound: 404,
    TooManyUploads: 429,
    UploadTooLargeToScan: 413,
    TransitionRefused: 409,
    StaleJob: 409,
    Unavailable: 503,
}
#: What the framework refuses by itself.
_FRAMEWORK = (404, 405)
_ACCEPTED_AUDIO = (
    "WAV, FLAC, MP3, Ogg, Opus, M4A, AAC or WebM; "
    f"{limits.MIN_REFERENCE_SECONDS:g} to {limits.MAX_UPLOAD_SECONDS:g} seconds of speech; "
    f"1 to {limits.MAX_CHANNELS} channels; {limits.MIN_SAMPLE_RATE} to {limits.MAX_SAMPLE_RATE} Hz"
)
_ACCEPTED_URL = "https at a public address, on port 443 or 8443, without a user name; or what the operator lists"


@dataclass(frozen=True)
class Problem:
    """One error, ready to be answered. `more` holds members beyond the RFC's own."""

    type: str
    title: str
    status: int
    detail: str
    more: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)

    def body(self, instance: str, request_id: str | None) -> dict[str, Any]:
        members = {
            "type": problem_path(self.type),
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "instance": instance,
            "request_id": request_id,
            **self.more,
        }
        return {name: value for name, value in members.items() if value is not None}


def status_of(error: type[TimbreError]) -> int:
    if issubclass(error, ApiError):
        return error.status
    return next((_STATUS[base] for base in error.__mro__ if base in _STATUS), 500)


def problem_of(error: TimbreError) -> Problem:
    """What an error answers. One that is our own fault keeps its words to itself: they are for the log."""
    if isinstance(error, JobFailed):
        fault = error.fault
        return Problem(fault.type, fault.title, fault_status(fault.type), fault.detail, {"job_id": error.job_id})
    if isinstance(error, FieldRefused):
        problem = problem_of(error.cause)
        return replace(problem, more={**problem.more, "field": error.field})
    status = status_of(type(error))
    if status == 500:
        return internal_problem()
    headers = error.headers() if isinstance(error, ApiError) else {}
    return Problem(error.type, error.title, status, str(error), _members(error), headers)


def internal_problem() -> Problem:
    detail = "Something failed on our side. Quote the request_id when you report it."
    return Problem("internal", "Internal error", 500, detail)


def problem_types() -> dict[str, Problem]:
    """What each type of problem stands for, for whoever follows it, by status and name."""
    found = [internal_problem(), *(_refusal(status) for status in _FRAMEWORK)]
    # A class that has no type of its own is never answered by itself.
    named = [kind for kind in known_errors() if kind.type != TimbreError.type]
    found += [Problem(kind.type, kind.title, status_of(kind), kind.title) for kind in named]
    return {one.type: one for one in sorted(found, key=lambda one: (one.status, one.type))}


def fault_status(slug: str) -> int:
    """What a job's fault answers to the client that waited for it: as if it had been found at once."""
    return next((status_of(kind) for kind in known_errors() if kind.type == slug), 500)


def known_errors(base: type[TimbreError] = TimbreError) -> Iterator[type[TimbreError]]:
    for kind in base.__subclasses__():
        yield kind
        yield from known_errors(kind)


def respond(request: Request, problem: Problem) -> JSONResponse:
    if speaks_elevenlabs(request):
        return _respond_as_elevenlabs(problem)
    if speaks_openai(request):
        return _respond_as_openai(problem)
    body = problem.body(request.url.path, getattr(request.state, "request_id", None))
    if speaks_runpod(request):
        body = as_runpod(request, body)
    return JSONResponse(body, problem.status, headers=_headers(problem), media_type=MEDIA_TYPE)


def _respond_as_elevenlabs(problem: Problem) -> JSONResponse:
    body = elevenlabs_error(problem.type, problem.detail, accepted=problem.more.get("accepted"))
    return JSONResponse(body, problem.status, headers=_headers(problem))


def _respond_as_openai(problem: Problem) -> JSONResponse:
    status = openai_status(problem.status)
    field, accepted = problem.more.get("field"), problem.more.get("accepted")
    body = openai_error(problem.type, status, problem.detail, field=field, accepted=accepted)
    return JSONResponse(body, status, headers={**_headers(problem), **openai_headers(status)})


def install(app: FastAPI) -> None:
    """One handler for our errors, and two that put the framework's own into the same shape."""
    app.add_exception_handler(TimbreError, _answer_ours)
    app.add_exception_handler(RequestValidationError, _answer_validation)
    app.add_exception_handler(HTTPException, _answer_http)


async def _answer_ours(request: Request, error: Exception) -> JSONResponse:
    problem = problem_of(error) if isinstance(error, TimbreError) else internal_problem()
    if problem == internal_problem():
        # Nobody's words but the log's: the outermost middleware writes them there.
        raise error
    return respond(request, problem)


async def _answer_validation(request: Request, error: Exception) -> JSONResponse:
    """Query and path parameters; the form has its own reader."""
    first = error.errors()[0] if isinstance(error, RequestValidationError) else {"loc": ("",), "msg": "not valid"}
    name = str(first["loc"][-1])
    refused = InvalidField(f"`{name}`: {first['msg']}.", field=name, accepted=accepted_parameter(request, name))
    return respond(request, problem_of(refused))


async def _answer_http(request: Request, error: Exception) -> JSONResponse:
    """What the framework itself refuses: unknown paths and methods."""
    status = error.status_code if isinstance(error, HTTPException) else 500
    refusal = _refusal(status)
    problem = replace(refusal, detail=f"{request.method} {request.url.path}: {refusal.title}.")
    response = respond(request, problem)
    response.headers.update(getattr(error, "headers", None) or {})
    return response


def _refusal(status: int) -> Problem:
    title = HTTPStatus(status).phrase
    return Problem(title.lower().replace(" ", "-"), title, status, title)


def _members(error: TimbreError) -> dict[str, Any]:
    if isinstance(error, ApiError):
        return error.members()
    if isinstance(error, UrlRefused):
        return {"accepted": _ACCEPTED_URL}
    return {"field": "voice", "accepted": _ACCEPTED_AUDIO} if isinstance(error, AudioError) else {}


def _headers(problem: Problem) -> dict[str, str]:
    usual: dict[str, str] = {}
    if problem.status in (429, 503):
        usual = {"Retry-After": str(RETRY_AFTER)}
    elif problem.status == 401:
        usual = {"WWW-Authenticate": 'Bearer realm="timbre"'}
    return {**usual, **problem.headers}
