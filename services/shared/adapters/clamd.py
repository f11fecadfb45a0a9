"""`UploadScanner` on ClamAV's daemon over TCP.

Its protocol is a few lines, and clients of it on PyPI are under the GPL, or send a kilobyte at a time.
"""

import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import BinaryIO, Final

import structlog

from services.shared.errors import ScannerUnavailable, UploadInfected, UploadTooLargeToScan

logger = structlog.get_logger(__name__)

_PIECE_BYTES: Final = 256 * 1024
#: Far more than any answer has.
_MOST_ANSWER_BYTES: Final = 4_096
_TOO_LARGE: Final = "size limit exceeded"


class ClamdScanner:
    """A connection a call. Thread-safe."""

    def __init__(self, host: str, port: int, *, seconds: float) -> None:
        """`seconds`: for so long it may be silent, also while it looks."""
        self._address = host, port
        self._seconds = seconds

    def scan(self, file: BinaryIO) -> None:
        with _clamd_errors():
            answer = self._ask(b"zINSTREAM\0", _framed(file))
        if answer.endswith(" FOUND"):
            raise UploadInfected(answer.removeprefix("stream: ").removesuffix(" FOUND"))
        if _TOO_LARGE in answer:
            raise UploadTooLargeToScan("The file is larger than the virus scanner takes.")
        if answer != "stream: OK":
            logger.error("clamd_failed", answer=answer)
            raise ScannerUnavailable("The virus scanner could not look at the file.")

    def ping(self) -> None:
        with _clamd_errors():
            answer = self._ask(b"zPING\0", iter(()))
        if answer != "PONG":
            raise ScannerUnavailable("The virus scanner does not answer.")

    def _ask(self, command: bytes, pieces: Iterator[bytes]) -> str:
        with socket.create_connection(self._address, self._seconds) as connection:
            # In the middle of a file that is too large for it, it answers and hangs up.
            with suppress(ConnectionError):
                connection.sendall(command)
                for piece in pieces:
                    connection.sendall(piece)
            return _answer(connection)


def _framed(file: BinaryIO) -> Iterator[bytes]:
    """Each piece behind its length, then an empty one."""
    while piece := file.read(_PIECE_BYTES):
        yield struct.pack("!I", len(piece)) + piece
    yield struct.pack("!I", 0)


def _answer(connection: socket.socket) -> str:
    received = b""
    while len(received) < _MOST_ANSWER_BYTES and b"\0" not in received:
        piece = connection.recv(_MOST_ANSWER_BYTES)
        if not piece:
            break
        received += piece
    answer, end, _ = received.partition(b"\0")
    return answer.decode(errors="replace") if end else ""  # A part of one could mean anything.


@contextmanager
def _clamd_errors() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ScannerUnavailable("The virus scanner does not answer.") from error
