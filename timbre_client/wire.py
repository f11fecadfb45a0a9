"""WebSockets, by the package `websockets`, which only who speaks live needs: imported when the first one is opened."""

from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, contextmanager
from typing import Any, Final, Protocol

from websockets.asyncio.client import ClientConnection as AsyncConnection
from websockets.asyncio.client import connect as connect_async
from websockets.exceptions import ConnectionClosed, WebSocketException
from websockets.sync.client import ClientConnection as BlockingConnection
from websockets.sync.client import connect as connect_blocking

from timbre_client.errors import ServerUnreachable

#: Audio does not get smaller by compression; a server may take two seconds to say goodbye. Who reads as slowly as it
#: plays hears the answer to a ping minutes later.
_OPTIONS: Final[dict[str, Any]] = {"compression": None, "close_timeout": 2.0, "ping_timeout": 600.0}


class Closed(Exception):
    """The other side is gone."""


class Wire(Protocol):
    """Raises `Closed`."""

    async def send(self, text: str) -> None: ...

    async def receive(self) -> str | bytes: ...

    async def close(self) -> None: ...


class AsyncWire:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def send(self, text: str) -> None:
        with _translating():
            await self._connection.send(text)

    async def receive(self) -> str | bytes:
        with _translating():
            return await self._connection.recv()

    async def close(self) -> None:
        await self._connection.close()


class BlockingWire:
    """Never suspends: see `timbre_client.blocking`. One thread may send while another receives."""

    def __init__(self, connection: BlockingConnection) -> None:
        self._connection = connection

    async def send(self, text: str) -> None:
        with _translating():
            self._connection.send(text)

    async def receive(self) -> str | bytes:
        with _translating():
            return self._connection.recv()

    async def close(self) -> None:
        self._connection.close()


@asynccontextmanager
async def open_async(url: str, headers: Mapping[str, str], seconds: float) -> AsyncGenerator[Wire, None]:
    """Raises `ServerUnreachable`."""
    async with AsyncExitStack() as stack:
        with _opening(url):
            connecting = connect_async(url, additional_headers=headers, open_timeout=seconds, **_OPTIONS)
            connection = await stack.enter_async_context(connecting)
        yield AsyncWire(connection)


@asynccontextmanager
async def open_blocking(url: str, headers: Mapping[str, str], seconds: float) -> AsyncGenerator[Wire, None]:
    """Raises `ServerUnreachable`."""
    with ExitStack() as stack:
        with _opening(url):
            connection = stack.enter_context(
                connect_blocking(url, additional_headers=headers, open_timeout=seconds, **_OPTIONS)
            )
        yield BlockingWire(connection)


@contextmanager
def _opening(url: str) -> Iterator[None]:
    try:
        yield
    except (WebSocketException, OSError) as error:
        raise ServerUnreachable(url, str(error) or type(error).__name__, sent=False) from error


@contextmanager
def _translating() -> Iterator[None]:
    try:
        yield
    except ConnectionClosed as error:
        raise Closed from error
