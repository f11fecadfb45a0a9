"""Recordings on their way to the server, as a path, as bytes or as an open file."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from io import BytesIO
from os import PathLike
from pathlib import Path
from typing import BinaryIO

#: A path (`str` is one too), the content, or a file that is open for reading bytes.
Recording = str | PathLike[str] | bytes | BinaryIO
#: File name and content by name of the form's part.
Files = dict[str, tuple[str, BinaryIO]]


@contextmanager
def opened(recordings: Mapping[str, Recording | None]) -> Iterator[Files]:
    """Those that are given, open for reading; what was opened here is closed again. Raises `OSError`."""
    with ExitStack() as stack:
        yield {name: _open(name, one, stack) for name, one in recordings.items() if one is not None}


def _open(name: str, recording: Recording, stack: ExitStack) -> tuple[str, BinaryIO]:
    if isinstance(recording, bytes):
        return name, BytesIO(recording)
    if isinstance(recording, (str, PathLike)):
        path = Path(recording)
        return path.name, stack.enter_context(path.open("rb"))
    return Path(str(getattr(recording, "name", name))).name, recording
