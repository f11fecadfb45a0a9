"""Audio on its way here: read whole, piece by piece, or saved."""

import secrets
from collections.abc import AsyncGenerator, Iterator
from contextlib import suppress
from os import PathLike
from pathlib import Path
from typing import BinaryIO, Self, TypeVar

import httpx

from timbre_client.blocking import Blocking, blocking, iterate
from timbre_client.session import Session


class AsyncReading:
    """Read once, front to back."""

    def __init__(self, session: Session, response: httpx.Response, chunks: AsyncGenerator[bytes, None]) -> None:
        self._session = session
        self._response = response
        self._chunks = chunks
        self._rest = b""

    async def read(self, size: int = -1) -> bytes:
        """At most `size` bytes, fewer at the end only, none after it; without a size, all that is left."""
        pieces = [self._rest]
        have = len(self._rest)
        while size < 0 or have < size:
            piece = await anext(self._chunks, b"")
            if not piece:
                break
            pieces.append(piece)
            have += len(piece)
        whole = b"".join(pieces)
        taken = len(whole) if size < 0 else size
        self._rest = whole[taken:]
        return whole[:taken]

    async def save(self, path: str | PathLike[str]) -> Path:
        """Write what is left to a file, which is there once it is whole. Returns its path; raises `OSError` too."""
        place = Path(path)
        offload = self._session.line.offload
        draft = await offload(Draft, place)
        try:
            async for chunk in self:
                await offload(draft.file.write, chunk)
            await offload(draft.keep)
        except BaseException:
            draft.discard()
            raise
        return place

    async def close(self) -> None:
        """Let go of the line; what was not read yet is gone."""
        await self._chunks.aclose()
        await self._session.line.release(self._response)

    async def __aiter__(self) -> AsyncGenerator[bytes, None]:
        """What is left, in pieces as they come."""
        if self._rest:
            rest, self._rest = self._rest, b""
            yield rest
        async for chunk in self._chunks:
            yield chunk

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


Inner_co = TypeVar("Inner_co", bound=AsyncReading, covariant=True)


class Reading(Blocking[Inner_co]):
    """Read once, front to back."""

    read = blocking(AsyncReading.read)
    save = blocking(AsyncReading.save)
    close = blocking(AsyncReading.close)

    def __iter__(self) -> Iterator[bytes]:
        return iterate(aiter(self._inner))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Draft:
    """A file that takes its place once it is whole; pipes and devices are written as they are."""

    def __init__(self, path: Path) -> None:
        self._path = path.resolve()
        special = self._path.exists() and not self._path.is_file()
        self._draft = None if special else self._path.with_name(f".{self._path.name}.{secrets.token_hex(4)}")
        self.file: BinaryIO = (self._draft or self._path).open("wb")

    def keep(self) -> None:
        self.file.close()
        if self._draft is not None:
            self._draft.replace(self._path)

    def discard(self) -> None:
        with suppress(OSError):
            self.file.close()
        if self._draft is not None:
            self._draft.unlink(missing_ok=True)
