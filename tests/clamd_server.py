"""ClamAV's daemon for tests: its protocol on loopback, one virus, and ways to misbehave."""

import socketserver
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from services.shared.servers import LOOPBACK
from services.shared.testing.scanning import EICAR


@dataclass
class FakeClamd:
    port: int = 0
    max_bytes: int = 25 * 1024 * 1024
    #: Sent in place of what it would answer; empty: it hangs up.
    answer: bytes | None = None
    #: Once set, a connection is served; before, it hangs.
    go: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.go.set()


@contextmanager
def clamd() -> Iterator[FakeClamd]:
    fake = FakeClamd()
    server = _Server((LOOPBACK, 0), _Connection)
    server.fake = fake
    fake.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield fake
    finally:
        fake.go.set()
        server.shutdown()
        thread.join()
        server.server_close()


class _Server(socketserver.ThreadingTCPServer):
    fake: FakeClamd


class _Connection(socketserver.StreamRequestHandler):
    server: _Server

    def handle(self) -> None:
        fake = self.server.fake
        fake.go.wait()
        command = self._command()
        answer = b"PONG" if command == b"PING" else self._scan() if command == b"INSTREAM" else b"UNKNOWN COMMAND"
        self.wfile.write((answer + b"\0") if fake.answer is None else fake.answer)

    def _command(self) -> bytes:
        assert self.rfile.read(1) == b"z"
        command = b""
        while (byte := self.rfile.read(1)) not in (b"\0", b""):
            command += byte
        return command

    def _scan(self) -> bytes:
        content = b""
        while length := struct.unpack("!I", self.rfile.read(4))[0]:
            if len(content) + length > self.server.fake.max_bytes:
                return b"INSTREAM size limit exceeded. ERROR"  # what is still coming is not read
            content += self.rfile.read(length)
        return b"stream: Eicar-Test-Signature FOUND" if EICAR in content else b"stream: OK"
