"""Having uploads looked at for malware, before anybody else reads them."""

from collections.abc import Mapping

import anyio.to_thread
import structlog
from anyio import CapacityLimiter

from services.api.errors import FieldRefused
from services.api.uploads.spool import Upload
from services.shared.errors import UploadInfected, UploadTooLargeToScan
from services.shared.ports import UploadScanner

log = structlog.get_logger(__name__)


class Screening:
    """All that clients send as files, or have us fetch, goes through here; without a scanner as it is."""

    def __init__(self, scanner: UploadScanner | None, slots: CapacityLimiter) -> None:
        """`slots`: a scanner that is slow, or away, keeps so many threads waiting and no more."""
        self._scanner = scanner
        self._slots = slots

    async def check(self, uploads: Mapping[str, Upload]) -> None:
        """By field. Raises `FieldRefused`, and `ScannerUnavailable`. Leaves the files at their start."""
        if self._scanner is None:
            return
        for field, upload in uploads.items():
            await anyio.to_thread.run_sync(_scan, self._scanner, field, upload, limiter=self._slots)


def _scan(scanner: UploadScanner, field: str, upload: Upload) -> None:
    try:
        scanner.scan(upload.file)
    except UploadInfected as error:
        log.warning("upload.infected", field=field, signature=error.signature, sha256=upload.sha256)
        raise FieldRefused(field, error) from error
    except UploadTooLargeToScan as error:
        raise FieldRefused(field, error) from error
    upload.file.seek(0)
