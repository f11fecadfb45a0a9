"""Looking for malware."""

from typing import BinaryIO, Protocol


class UploadScanner(Protocol):
    """Says whether a file holds malware. May raise `ScannerUnavailable`."""

    def scan(self, file: BinaryIO) -> None:
        """Look at `file` from where it stands to its end. Raises `UploadInfected`, `UploadTooLargeToScan`."""
        ...

    def ping(self) -> None: ...
