"""What `/docs` and `/openapi.json` say beyond the routes themselves: the errors, and a page that works offline."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import HTMLResponse, RedirectResponse
from fastapi.routing import APIRoute
from starlette.staticfiles import StaticFiles

from services.api.dialects.elevenlabs_errors import ElevenLabsError, elevenlabs_error
from services.api.dialects.openai_errors import OpenAIError, openai_error
from services.api.problems import MEDIA_TYPE

#: The package that carries Swagger UI's script and style, so that no page of ours asks a CDN for them.
_SWAGGER_PACKAGE: Final = "fastapi_swagger"

_PROBLEM_SCHEMA: Final[dict[str, Any]] = {
    "title": "Problem",
    "type": "object",
    "description": "Problem details (RFC 9457).",
    "required": ["type", "title", "status", "detail", "instance", "request_id"],
    "properties": {
        "type": {"type": "string", "description": "Stable; what programs should decide by."},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "What is wrong with this request, in a sentence."},
        "instance": {"type": "string", "description": "The path that was asked for."},
        "request_id": {"type": "string", "description": "Also in `X-Request-ID`; names the request in our logs."},
        "field": {"type": "string", "description": "The field to mend, where it is one."},
        "accepted": {"type": "string", "description": "What would have been accepted."},
        "error": {"type": "string", "description": "On RunPod's routes: `detail` again, where its clients look."},
        "job_id": {"type": "string", "description": "The job that failed, where a client waited for one."},
        "errors": {
            "type": "array",
            "description": "What is wrong with which items of a batch: the first hundred of them.",
            "items": {
                "type": "object",
                "properties": {
                    "line": {"type": "integer", "description": "Of the file, or the item's place in `items`, from 1."},
                    **{name: {"type": "string"} for name in ("type", "detail", "field", "accepted")},
                },
            },
        },
        "parts": {"type": "array", "items": {"$ref": "#/components/schemas/PartHealth"}},
    },
}

OVERVIEW: Final = """\
Text and a few seconds of a voice in, speech in that voice out.

`POST /tts` queues a text as a job, `GET /jobs/{job_id}` tells how it gets on, and its `result_url` is the audio. \
`POST /tts/stream` answers the audio while it is spoken. A voice that is used again is stored at `POST /voices`.

Where the service asks for keys, send yours as `Authorization: Bearer KEY` or `X-API-Key: KEY`. Errors are problem \
details (RFC 9457) with a stable `type`, and say what would be accepted; routes in another service's manner answer \
that service's errors. Beside these routes there are WebSockets: `/tts/live`, for a text that is still being written, \
`/jobs/{job_id}/ws`, for what happens to a job, and `/jobs/{job_id}/stream`, for its audio.
"""

#: Slug, title, detail and field.
Example = tuple[str, str, str, str | None]

_EXAMPLES: Final[dict[int, Example]] = {
    400: ("audio-silent", "The reference audio is silent", "The loudest sample is at -91 dB.", "voice"),
    401: ("unauthorized", "A valid API key is needed", "No API key was sent.", None),
    403: ("scope-missing", "The API key does not allow this", "Your key or token has not the scope for this.", None),
    404: ("job-not-found", "No such job", "You have no job of this id.", None),
    408: ("request-stalled", "The request's body stopped arriving", "Nothing arrived for 30 seconds.", None),
    409: ("job-state-conflict", "The job's state does not allow this", "The job has ended: it is succeeded.", None),
    410: ("audio-expired", "The job's audio is no longer kept", "It was kept until 2027-01-22T08:00:00Z.", None),
    413: ("payload-too-large", "The request is too large", "`voice` has more than 20971520 bytes.", "voice"),
    415: ("media-type-unsupported", "The request's content type is not accepted", "It is not a form.", None),
    422: ("field-invalid", "A field of the request is not valid", "`speed`: Input should be at least 0.5.", "speed"),
    429: ("rate-limited", "Too many requests", "The limit of 600 requests a minute is reached.", None),
    500: ("internal", "Internal error", "Something failed on our side. Quote the request_id.", None),
    503: ("job-store-unavailable", "The job store does not answer", "It did not answer within 2 seconds.", None),
}


NOT_IN_TIME: Final[Example] = (
    "not-in-time",
    "The speech was not ready in time",
    "Nothing was heard within 60 seconds.",
    None,
)
VOICE_NOT_FOUND: Final[Example] = ("voice-not-found", "No such voice", "You have no voice of this id.", None)
NAMED_VOICE_NOT_FOUND: Final[Example] = (
    "voice-not-found",
    "No such voice",
    "You have no voice of the name or id `Anna`. Store one at POST /voices, or take `sample`.",
    "voice_id",
)

#: OpenAI answers 400 to what our own routes answer 422.
_OPENAI_EXAMPLES: Final[dict[int, Example]] = {
    400: _EXAMPLES[422],
    404: ("model-not-found", "No such model", "There is no model `gpt-9`.", "model"),
    413: ("payload-too-large", "The request is too large", "The body has more than 262144 bytes.", None),
    504: ("not-in-time", "The speech was not ready in time", "It was not ready within 60 seconds.", None),
}


_HEADERS: Final[dict[str, dict[str, Any]]] = {
    "Retry-After": {"description": "Seconds to wait before asking again.", "schema": {"type": "integer"}},
    "RateLimit": {
        "description": "What is left of each limit (`r`), and in how many seconds it is whole again (`t`); with "
        "`RateLimit-Policy`, in the form of the IETF's draft. Good answers to callers with limits have both too.",
        "schema": {"type": "string"},
        "example": '"requests";r=0;t=12',
    },
    "RateLimit-Policy": {
        "description": "The limits that were looked at: a minute's requests, jobs under way, a day's seconds of audio.",
        "schema": {"type": "string"},
        "example": '"requests";q=600;w=60',
    },
    "WWW-Authenticate": {"description": "How to say who you are.", "schema": {"type": "string"}},
}
_HEADERS_OF: Final[dict[int, tuple[str, ...]]] = {
    401: ("WWW-Authenticate",),
    403: ("WWW-Authenticate",),
    429: ("Retry-After", "RateLimit", "RateLimit-Policy"),
    503: ("Retry-After",),
}


def problems(
    *statuses: int, examples: Mapping[int, Example] | None = None, instance: str = "/tts"
) -> dict[int | str, dict[str, Any]]:
    """The error answers of a route, for its `responses`. `examples` stand before the usual ones."""
    known = {**_EXAMPLES, **(examples or {})}
    return {status: _problem_response(status, known[status], instance) for status in _with_doors(statuses)}


def openai_problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The error answers of a route under `/v1`, for its `responses`; whatever else is answered has their shape too."""
    named: dict[int | str, dict[str, Any]] = {status: _openai_response(status) for status in _with_doors(statuses)}
    return {**named, "default": {"model": OpenAIError, "description": "Any other error."}}


def elevenlabs_problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The error answers of a route in ElevenLabs' manner, for its `responses`."""
    named: dict[int | str, dict[str, Any]] = {status: _elevenlabs_response(status) for status in _with_doors(statuses)}
    return {**named, "default": {"model": ElevenLabsError, "description": "Any other error."}}


def _elevenlabs_response(status: int) -> dict[str, Any]:
    slug, _, detail, _ = {**_EXAMPLES, 404: NAMED_VOICE_NOT_FOUND, 504: _OPENAI_EXAMPLES[504]}[status]
    content = {"application/json": {"example": elevenlabs_error(slug, detail, accepted=None)}}
    description = HTTPStatus(status).phrase
    return {"model": ElevenLabsError, "description": description, "content": content, "headers": _headers(status)}


def _with_doors(statuses: Sequence[int]) -> list[int]:
    """Where callers are asked who they are, they may also lack a scope, ask too often, or not be known for now."""
    return sorted({*statuses, 403, 429, 503} if 401 in statuses else statuses)


def _openai_response(status: int) -> dict[str, Any]:
    slug, _, detail, field = {**_EXAMPLES, **_OPENAI_EXAMPLES}[status]
    example = openai_error(slug, status, detail, field=field, accepted=None)
    content = {"application/json": {"example": example}}
    description = HTTPStatus(status).phrase
    return {"model": OpenAIError, "description": description, "content": content, "headers": _headers(status)}


def operation_id(route: APIRoute) -> str:
    """What generated clients call it: `speak`, not `speak_tts_post`. No two routes have one name."""
    return route.name


def install(app: FastAPI) -> None:
    """`/docs` from our own files, and the schema that every error answer names."""
    _register_problem_schema(app)
    package = find_spec(_SWAGGER_PACKAGE)
    if package is None or package.origin is None:
        raise RuntimeError(f"The package {_SWAGGER_PACKAGE} is missing: install timbre[api].")
    app.mount("/docs/assets", StaticFiles(directory=Path(package.origin).parent / "resources"), name="docs-assets")
    app.add_route("/docs", _docs, include_in_schema=False)
    app.add_route("/", _to_docs, include_in_schema=False)


async def _docs(request: Request) -> HTMLResponse:
    root = request.scope.get("root_path", "")
    return get_swagger_ui_html(
        openapi_url=f"{root}/openapi.json",
        title="Timbre",
        swagger_js_url=f"{root}/docs/assets/swagger-ui-bundle.js",
        swagger_css_url=f"{root}/docs/assets/swagger-ui.css",
        swagger_favicon_url=f"{root}/docs/assets/favicon-32x32.png",
        swagger_ui_parameters={"tryItOutEnabled": True, "displayRequestDuration": True},
    )


async def _to_docs(request: Request) -> RedirectResponse:
    return RedirectResponse(f"{request.scope.get('root_path', '')}/docs")


def _register_problem_schema(app: FastAPI) -> None:
    generate = app.openapi

    def openapi() -> dict[str, Any]:
        document = generate()
        document["components"]["schemas"]["Problem"] = _PROBLEM_SCHEMA
        return document

    # FastAPI's own way to extend the document.
    app.openapi = openapi  # type: ignore[method-assign]


def _problem_response(status: int, of: Example, instance: str) -> dict[str, Any]:
    slug, title, detail, field = of
    example: dict[str, Any] = {"type": f"/problems/{slug}", "title": title, "status": status, "detail": detail}
    example |= {"instance": instance, "request_id": "5f0c2c9e0b7f4d0f8a53a4f7a1d0b6c2"}
    if field is not None:
        example["field"] = field
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}, "example": example}}
    return {"description": HTTPStatus(status).phrase, "content": content, "headers": _headers(status)}


def _headers(status: int) -> dict[str, Any]:
    return {name: _HEADERS[name] for name in _HEADERS_OF.get(status, ())}
