"""The control process's other use case: nothing is kept for longer than was said."""

from typing import Final

import structlog

from services.shared.errors import BlobStoreUnavailable, LifetimesRefused, Unavailable
from services.shared.job import INPUTS, OUTPUTS, output_prefix
from services.shared.parts import Parts
from services.shared.upload import UPLOADS
from services.worker.orphans import OrphanSearch

logger = structlog.get_logger(__name__)

#: Jobs whose audio is deleted in one round; the rest wait for the next.
_BATCH: Final = 200
#: After so long, audio that could not be deleted is tried again; meanwhile it holds up no other.
_REST_SECONDS: Final = 60.0


class Retention:
    """Several may run at once, and each may die at any moment: a deletion made twice is made once."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._orphans = OrphanSearch(parts)
        self._rules_set = False

    def enforce(self) -> None:
        """One round. An outage only delays: what was left undone is found by the next."""
        try:
            self._set_rules()
            self._delete_outlived()
            self._orphans.step()
        except Unavailable as error:
            logger.warning("retention_delayed", reason=error.type)

    def _set_rules(self) -> None:
        """Once a process, the object store is told to delete by itself what is never deleted otherwise."""
        if self._rules_set:
            return
        settings = self._parts.settings
        try:
            self._parts.blobs.set_lifetimes(
                {
                    INPUTS: settings.input_ttl_seconds,
                    OUTPUTS: settings.audio_seconds,
                    UPLOADS: settings.upload_ttl_seconds,
                }
            )
        except LifetimesRefused as error:
            logger.warning("lifecycle_rules_refused", reason=str(error))  # We delete all of it ourselves.
        self._rules_set = True

    def _delete_outlived(self) -> None:
        overdue = self._parts.jobs.outlived(self._parts.clock(), _BATCH)
        for job_id in overdue:
            self._delete(job_id)
        if overdue:
            logger.info("audio_expired", jobs=len(overdue))

    def _delete(self, job_id: str) -> None:
        """Audio first: who dies in between leaves an entry whose audio is gone, which is deleted again."""
        try:
            self._parts.blobs.delete_prefix(output_prefix(job_id))
        except BlobStoreUnavailable:
            self._parts.jobs.postpone_audio(job_id, self._parts.clock() + _REST_SECONDS)
            raise
        self._parts.jobs.forget_audio(job_id)
