"""`POST /uploads`: where a client stores a large reference itself."""

from datetime import datetime
from functools import partial
from typing import Any, Final

from fastapi import APIRouter, Depends
from pydantic import Field

from services.api import documentation
from services.api.callers.auth import Uploader
from services.api.http.listing import forbid_keeping
from services.api.state import State
from services.api.views.output import Output, moment

router = APIRouter(prefix="/uploads", tags=["uploads"], dependencies=[Depends(forbid_keeping)])

_problems = partial(
    documentation.problems,
    examples={429: ("upload-limit-reached", "Too many uploads wait to be used", "100 uploads wait to be used.", None)},
    instance="/uploads",
)
_OFFERED: Final[dict[int | str, dict[str, Any]]] = {
    201: {"description": "Where to, and with which fields."},
    **_problems(401, 500, 503),
}


class UploadView(Output):
    upload_id: str = Field(examples=["019342a5b3c04f6e1a2b3c4d5e6f7a8b"])
    url: str = Field(description="Where to POST the form to.", examples=["https://s3.example.com/timbre"])
    fields: dict[str, str] = Field(
        description="The form's fields, before the file, which comes last and is called `file`.",
        examples=[{"key": "uploads/…", "policy": "…", "x-amz-signature": "…"}],
    )
    max_bytes: int = Field(description="The largest file that is taken.", examples=[104_857_600])
    expires_at: datetime = Field(description="Until when it may be stored and used.")


@router.post("", status_code=201, responses=_OFFERED, summary="Make room for a direct upload")
def offer_upload(caller: Uploader, state: State) -> UploadView:
    """For a reference that is too large for a request, or that a browser is to send past your own server.

    POST `fields` and the file as a form to `url`, then name `upload_id` in a request, in place of `voice` or `sample`.
    There it is judged by its content as any upload, and is gone once it was used.
    """
    upload = state.direct.open(caller)
    return UploadView(
        upload_id=upload.id,
        url=upload.offer.url,
        fields=dict(upload.offer.fields),
        max_bytes=state.parts.settings.max_direct_upload_bytes,
        expires_at=moment(upload.expires_at),
    )
