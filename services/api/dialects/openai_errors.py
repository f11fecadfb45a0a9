"""Our problems in the shape that OpenAI's clients read, for the routes under `/v1`."""

from http import HTTPStatus
from typing import Any, Final

from fastapi import Request
from pydantic import BaseModel, Field

from services.api.dialects.dialect import is_under

#: What our fields are called there.
_PARAMS: Final = {"text": "input", "format": "response_format", "voice_id": "voice", "ref_text": "voice"}
_CODES: Final = {"unauthorized": "invalid_api_key"}
#: The official client asks again after these; every other error would only come again.
_WORTH_A_RETRY: Final = (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE)


class OpenAIErrorBody(BaseModel):
    message: str = Field(examples=["`speed`: Input should be less than or equal to 2. Accepted: 0.5 to 2."])
    type: str = Field(description="`invalid_request_error`, `rate_limit_error` or `server_error`.")
    param: str | None = Field(description="The parameter to mend, where it is one.", examples=["speed"])
    code: str | None = Field(description="Stable; what programs should decide by.", examples=["field_invalid"])


class OpenAIError(BaseModel):
    """An error as OpenAI's API answers it."""

    error: OpenAIErrorBody


def speaks_openai(request: Request) -> bool:
    """Whether the route asked for answers in OpenAI's shape, also where it does not exist."""
    return is_under("/v1", request)


def openai_status(status: int) -> int:
    """OpenAI knows no 422: whatever is wrong with a request's fields is a 400."""
    return 400 if status == HTTPStatus.UNPROCESSABLE_ENTITY else status


def openai_headers(status: int) -> dict[str, str]:
    return {"x-should-retry": "true" if status in _WORTH_A_RETRY else "false"}


def openai_error(slug: str, status: int, detail: str, *, field: str | None, accepted: str | None) -> dict[str, Any]:
    """`slug` is a problem's type."""
    message = f"{detail} Accepted: {accepted}." if accepted else detail
    param = None if field is None else _PARAMS.get(field, field)
    code = _CODES.get(slug, slug.replace("-", "_"))
    body = OpenAIErrorBody(message=message, type=_type(status), param=param, code=code)
    return OpenAIError(error=body).model_dump()


def _type(status: int) -> str:
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return "rate_limit_error"
    return "server_error" if status >= HTTPStatus.INTERNAL_SERVER_ERROR else "invalid_request_error"
