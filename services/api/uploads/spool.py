"""Files from clients: small ones in memory, large ones on disk, hashed while they come in."""

import hashlib
from dataclasses import dataclass
from tempfile import SpooledTemporaryFile
from typing import BinaryIO, cast

#: Bytes of a file that are kept in memory; once there are more, all of it goes to disk.
SPOOL_BYTES = 1024 * 1024
#: What uploads are stored as: what they are is told by their content. S3's own name for it; by the usual one SeaweedFS
#: looks for itself, and packs every WAV, which takes longer than storing it and saves a tenth.
BINARY = "binary/octet-stream"


@dataclass(frozen=True)
class Upload:
    """A file, at its start. Its name and content type are mere claims of the client, so they are not kept."""

    file: BinaryIO
    size: int
    sha256: str


class Spool:
    """An upload in the making. Blocking: not for the event loop."""

    def __init__(self) -> None:
        self._file = cast(BinaryIO, SpooledTemporaryFile(max_size=SPOOL_BYTES))  # noqa: SIM115 - see `close`
        self._hash = hashlib.sha256()

    def write(self, data: bytes) -> None:
        self._file.write(data)
        self._hash.update(data)

    def finish(self) -> Upload:
        """The upload, which is its receiver's to close."""
        size = self._file.tell()
        self._file.seek(0)
        return Upload(self._file, size, self._hash.hexdigest())

    def close(self) -> None:
        self._file.close()
