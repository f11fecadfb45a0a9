"""One log for all parts: whole lines, each with its part's name, in a file that never grows without bound."""

import contextlib
from collections import deque
from collections.abc import Callable
from pathlib import Path

MAX_BYTES = 10 * 1024 * 1024
BACKUPS = 3
#: Lines of each part that are kept in memory, to be shown when it fails.
TAIL_LINES = 15
#: A line without an end is cut here, so that a part cannot fill our memory.
MAX_LINE_BYTES = 64 * 1024


class RotatingLog:
    """Appends lines; past `max_bytes` the file becomes `.1`, the last `.1` becomes `.2`, and so on."""

    def __init__(self, path: Path, *, max_bytes: int = MAX_BYTES, backups: int = BACKUPS) -> None:
        self._path = path
        self._max_bytes = max_bytes
        self._backups = backups
        self._file = path.open("ab", buffering=0)

    def write(self, line: bytes) -> None:
        """Append one line. Lost where the disk is full: the stack goes on without."""
        if self._file.tell() + len(line) >= self._max_bytes and self._file.tell() > 0:
            self._rotate()
        with contextlib.suppress(OSError):
            self._file.write(line + b"\n")

    def close(self) -> None:
        self._file.close()

    def _rotate(self) -> None:
        self._file.close()
        for number in range(self._backups - 1, 0, -1):
            if self._numbered(number).exists():
                self._numbered(number).replace(self._numbered(number + 1))
        self._path.replace(self._numbered(1))
        self._file = self._path.open("ab", buffering=0)

    def _numbered(self, number: int) -> Path:
        return self._path.with_name(f"{self._path.name}.{number}")


class PartLog:
    """Cuts one part's output into lines and hands each, named, to the shared log and to `echo`."""

    def __init__(self, name: str, log: RotatingLog, echo: Callable[[str, str], None] | None = None) -> None:
        self._name = name
        self._log = log
        self._echo = echo
        self._rest = b""
        self.tail: deque[str] = deque(maxlen=TAIL_LINES)

    def feed(self, data: bytes) -> None:
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._emit(line)
        if len(self._rest) > MAX_LINE_BYTES:
            self.flush()

    def flush(self) -> None:
        if self._rest:
            self._emit(self._rest)
        self._rest = b""

    def _emit(self, line: bytes) -> None:
        text = line.decode(errors="replace").rstrip()
        self.tail.append(text)
        self._log.write(f"{self._name:<9} | {text}".encode())
        if self._echo is not None:
            self._echo(self._name, text)
