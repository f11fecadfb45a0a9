"""Large references that go past us: stored by the client itself, then named in a request."""

from dataclasses import dataclass

import structlog

from services.api.errors import FieldRefused, PayloadTooLarge
from services.api.forms.speech import UPLOAD_ID
from services.api.uploads.spool import Spool, Upload
from services.shared.errors import BlobNotFound, ContentTooLarge, TooManyUploads, Unavailable, UploadNotFound
from services.shared.job import new_id
from services.shared.parts import Parts
from services.shared.ports import UploadOffer
from services.shared.upload import offered_at, owner_prefix, upload_key

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class DirectUpload:
    """What an owner may store, until `expires_at`."""

    id: str
    offer: UploadOffer
    expires_at: float


class DirectUploads:
    """Blocking, thread-safe. Another owner's upload answers as one that never was."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._settings = parts.settings

    def open(self, owner: str) -> DirectUpload:
        """Raises `TooManyUploads` where so many were stored that were not used yet, `Unavailable`."""
        now, seconds = self._parts.clock(), self._settings.upload_ttl_seconds
        upload_id = new_id(now)
        max_bytes = self._settings.max_direct_upload_bytes
        offer = self._parts.blobs.offer(upload_key(owner, upload_id), max_bytes=max_bytes, expires_seconds=seconds)
        self._require_room(owner)
        return DirectUpload(upload_id, offer, now + seconds)

    def _require_room(self, owner: str) -> None:
        most = self._settings.max_direct_uploads
        waiting = len(self._parts.blobs.page(owner_prefix(owner), limit=most + 1))
        if waiting >= most:
            raise TooManyUploads(f"{waiting} uploads wait to be used; at most {most} may.")

    def fetch(self, owner: str, upload_id: str) -> Upload:
        """What was stored. Raises `FieldRefused`, `Unavailable`."""
        self._require_open(upload_id)
        spool = Spool()
        try:
            self._read(upload_key(owner, upload_id), spool)
        except BaseException:
            spool.close()
            raise
        return spool.finish()

    def _require_open(self, upload_id: str) -> None:
        offered = offered_at(upload_id)
        if offered is None or self._parts.clock() - offered >= self._settings.upload_ttl_seconds:
            raise _not_found()

    def _read(self, key: str, spool: Spool) -> None:
        most = self._settings.max_direct_upload_bytes
        try:
            self._parts.blobs.read(key, spool.write, max_bytes=most)
        except BlobNotFound as error:
            raise _not_found() from error
        except ContentTooLarge as error:
            # The store was to refuse it; who changed the limit meanwhile, or has another store, is held to it here.
            too_large = PayloadTooLarge(f"The upload has more than {most} bytes.", accepted=f"at most {most} bytes")
            raise FieldRefused(UPLOAD_ID, too_large) from error

    def discard(self, owner: str, upload_id: str) -> None:
        """It was used. Best effort: what stays is deleted when its time is over."""
        try:
            self._parts.blobs.delete(upload_key(owner, upload_id))
        except Unavailable as error:
            log.warning("upload.left", error=error.type)


def _not_found() -> FieldRefused:
    detail = "You have no upload of this id: it was not stored, was used before, or its time is over."
    return FieldRefused(UPLOAD_ID, UploadNotFound(detail))
