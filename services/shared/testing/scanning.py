"""A virus scanner in memory."""

from typing import BinaryIO, Final

from services.shared.errors import ScannerUnavailable, UploadInfected, UploadTooLargeToScan

#: What every scanner takes for malware: the EICAR test file, put together so that this file is none.
EICAR: Final = b"X5O!P%@AP[4\\PZX54(P^)7CC)7}$" + b"EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"


class MemoryScanner:
    """`UploadScanner` that knows one virus. Counts what it has looked at."""

    def __init__(self, *, max_bytes: int = 25 * 1024 * 1024) -> None:
        self.down = False
        self.scanned = 0
        self._max_bytes = max_bytes

    def scan(self, file: BinaryIO) -> None:
        self.ping()
        self.scanned += 1
        content = file.read()
        if len(content) > self._max_bytes:
            raise UploadTooLargeToScan("The file is larger than the virus scanner takes.")
        if EICAR in content:
            raise UploadInfected("Eicar-Test-Signature")

    def ping(self) -> None:
        if self.down:
            raise ScannerUnavailable("The virus scanner does not answer.")
