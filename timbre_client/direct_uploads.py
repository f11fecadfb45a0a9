"""`client.uploads`: large recordings, stored past the server and named in a request afterwards."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from timbre_client.blocking import Blocking, blocking
from timbre_client.session import Call, Session
from timbre_client.uploads import Recording, opened


@dataclass(frozen=True, kw_only=True)
class Upload:
    """A recording in the object store, to be named as `upload_id` in one request."""

    upload_id: str
    #: Where it was stored, by which form: signed, so good for whoever holds it.
    url: str = field(repr=False)
    fields: Mapping[str, str] = field(repr=False)
    #: Of the largest file that is taken.
    max_bytes: int
    #: Until when it may be used.
    expires_at: datetime


class AsyncUploads:
    def __init__(self, session: Session) -> None:
        self._session = session

    async def create(self, recording: Recording) -> Upload:
        """Store a recording. Its `upload_id` stands in place of `voice`, or `sample`, in one request.

        The file goes to the object store by itself, a piece at a time. Raises `UploadRefused` where the store does
        not take it, as it does with files of more than `max_bytes`, `RateLimitError` where too many wait to be used,
        and `OSError` for a recording that cannot be read.
        """
        with opened({"file": recording}) as files:
            offered = await self._session.read(Upload, Call("POST", "/uploads"))
            await self._session.store(offered.url, offered.fields, files)
        return offered


class Uploads(Blocking[AsyncUploads]):
    create = blocking(AsyncUploads.create)
