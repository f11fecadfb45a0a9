"""Audio in the bucket that no job or batch needs: what a fault in an unlucky moment left there, and unused uploads."""

import re
from collections.abc import Sequence
from typing import Final

import structlog

from services.shared.chunks import chunk_prefix
from services.shared.errors import BatchNotFound
from services.shared.job import INPUTS, OUTPUTS, Job
from services.shared.lifetimes import has_audio
from services.shared.parts import Parts
from services.shared.ports import StoredBlob
from services.shared.upload import UPLOADS, key_offered_at

logger = structlog.get_logger(__name__)

#: Blobs looked at in one step.
_PAGE: Final = 500
#: From the end of one walk through the bucket to the beginning of the next.
_REST_SECONDS: Final = 3_600.0
#: By a job or batch. Whatever else lies under our prefixes is not ours to judge.
_HELD: Final = re.compile(r"(?:inputs|outputs)/([0-9a-f]{32})/.+")


class OrphanSearch:
    """Walks through the bucket, a page each step. Several may walk at once: what one has deleted, others do not find.

    Where it stands is in memory alone: a process that starts begins anew.
    """

    def __init__(self, parts: Parts, *, page: int = _PAGE) -> None:
        self._parts = parts
        self._page = page
        self._rest_until = 0.0
        self._restart()

    def _restart(self) -> None:
        self._prefixes = [INPUTS, OUTPUTS, UPLOADS]
        self._after: str | None = None

    def step(self) -> int:
        """How many blobs were deleted. Raises `Unavailable`; what it left of a page, the next walk finds."""
        if self._parts.clock() < self._rest_until:
            return 0
        blobs = self._parts.blobs.page(self._prefixes[0], limit=self._page, after=self._after)
        orphans = self._orphans(blobs)
        # First, so that a blob which cannot be deleted keeps nobody from the pages behind it.
        self._turn_the_page(blobs)
        for key in orphans:
            self._parts.blobs.delete(key)
        if orphans:
            logger.info("orphans_deleted", count=len(orphans))
        return len(orphans)

    def _turn_the_page(self, blobs: Sequence[StoredBlob]) -> None:
        if len(blobs) == self._page:
            self._after = blobs[-1].key
            return
        self._after = None
        self._prefixes.pop(0)
        if not self._prefixes:
            self._restart()
            self._rest_until = self._parts.clock() + _REST_SECONDS

    def _orphans(self, blobs: Sequence[StoredBlob]) -> list[str]:
        # Records are read after the blobs were listed: what a job that has ended does not name, nobody needs.
        owners = {blob: match[1] for blob in blobs if (match := _HELD.fullmatch(blob.key))}
        jobs = self._parts.jobs.find(sorted(set(owners.values())))
        forgotten = [blob.key for blob in blobs if self._is_forgotten(blob)]
        lost = [blob.key for blob, holder in owners.items() if self._is_orphan(blob, holder, jobs.get(holder))]
        return forgotten + lost

    def _is_forgotten(self, blob: StoredBlob) -> bool:
        """A direct upload that nobody may use any more."""
        offered = key_offered_at(blob.key)
        return offered is not None and self._parts.clock() - offered >= self._parts.settings.upload_ttl_seconds

    def _is_orphan(self, blob: StoredBlob, holder: str, job: Job | None) -> bool:
        now = self._parts.clock()
        if job is None:
            # References are stored before their jobs, and records may be lost where audio is not.
            old = now - blob.stored_at > self._parts.settings.orphan_ttl_seconds
            return old and not self._is_batch_under_way(holder)
        if not job.status.is_terminal:
            return False
        if blob.key.startswith(chunk_prefix(job.id)):
            return now - (job.completed_at or 0.0) >= self._parts.settings.chunk_ttl_seconds
        return not (job.output and job.output.key == blob.key and has_audio(job, self._parts.settings, now))

    def _is_batch_under_way(self, holder: str) -> bool:
        try:
            return not self._parts.batches.get(holder).is_over
        except BatchNotFound:
            return False
