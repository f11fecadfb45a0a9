"""Our problems in the shape that ElevenLabs' clients read."""

from typing import Any, Final

from fastapi import Request
from pydantic import BaseModel, Field

from services.api.dialects.dialect import in_words, is_under

#: What our fields are called there.
_FIELDS: Final = {"language": "language_code"}
_STATUSES: Final = {"unauthorized": "invalid_api_key"}


class ElevenLabsErrorBody(BaseModel):
    status: str = Field(description="Stable; what programs should decide by.", examples=["voice_not_found"])
    message: str = Field(
        examples=["You have no voice of the name or id `Rachel`. Store one at POST /voices, or take `sample`."]
    )


class ElevenLabsError(BaseModel):
    """An error as ElevenLabs' API answers it."""

    detail: ElevenLabsErrorBody


def speaks_elevenlabs(request: Request) -> bool:
    """Whether the route asked for answers in ElevenLabs' shape."""
    return is_under("/v1/text-to-speech", request)


def elevenlabs_error(slug: str, detail: str, *, accepted: str | None) -> dict[str, Any]:
    """`slug` is a problem's type."""
    message = f"{detail} Accepted: {accepted}." if accepted else detail
    body = ElevenLabsErrorBody(status=_STATUSES.get(slug, slug.replace("-", "_")), message=in_words(message, _FIELDS))
    return ElevenLabsError(detail=body).model_dump()
