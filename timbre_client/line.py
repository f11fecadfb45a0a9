"""The line to the server, and time: all in which blocking and awaiting differ. Everything above is written once."""

import asyncio
import threading
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TYPE_CHECKING, Any, ParamSpec, Protocol, TypeVar

import httpx

from timbre_client.blocking import run

if TYPE_CHECKING:
    from timbre_client.wire import Wire

P = ParamSpec("P")
T = TypeVar("T")


class Line(Protocol):
    """Raises httpx's own errors."""

    async def send(self, request: httpx.Request, *, follow: bool) -> httpx.Response:
        """The answer's head; its body is read, or let go of. `follow` redirects, which lose the key elsewhere."""
        ...

    async def read(self, response: httpx.Response) -> bytes: ...

    def chunks(self, response: httpx.Response) -> AsyncGenerator[bytes, None]: ...

    async def release(self, response: httpx.Response) -> None: ...

    async def sleep(self, seconds: float) -> None: ...

    async def offload(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """What `function`, which may block on a file, returns."""
        ...

    def open_wire(self, url: str, headers: Mapping[str, str]) -> AbstractAsyncContextManager["Wire"]:
        """A WebSocket. Raises `ServerUnreachable`, and `ImportError` where `websockets` is not installed."""
        ...

    def beside(self, work: Coroutine[Any, Any, None]) -> AbstractAsyncContextManager[None]:
        """Have `work` go on meanwhile. What it waits for may outlast the context."""
        ...

    async def close(self) -> None: ...


class BlockingLine:
    """Never suspends: see `timbre_client.blocking`."""

    def __init__(
        self,
        timeout: httpx.Timeout,
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self._http = httpx.Client(timeout=timeout, transport=transport)
        self._sleep = sleep

    async def send(self, request: httpx.Request, *, follow: bool) -> httpx.Response:
        return self._http.send(request, stream=True, follow_redirects=follow)

    async def read(self, response: httpx.Response) -> bytes:
        return response.read()

    async def chunks(self, response: httpx.Response) -> AsyncGenerator[bytes, None]:
        for chunk in response.iter_bytes():
            yield chunk

    async def release(self, response: httpx.Response) -> None:
        response.close()

    async def sleep(self, seconds: float) -> None:
        self._sleep(seconds)

    async def offload(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        return function(*args, **kwargs)

    def open_wire(self, url: str, headers: Mapping[str, str]) -> AbstractAsyncContextManager["Wire"]:
        from timbre_client.wire import open_blocking  # noqa: PLC0415

        return open_blocking(url, headers, self._http.timeout.connect or 0.0)

    @asynccontextmanager
    async def beside(self, work: Coroutine[Any, Any, None]) -> AsyncGenerator[None, None]:
        threading.Thread(target=run, args=(work,), daemon=True).start()
        yield

    async def close(self) -> None:
        self._http.close()


class AsyncLine:
    def __init__(
        self,
        timeout: httpx.Timeout,
        transport: httpx.AsyncBaseTransport | None = None,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self._http = httpx.AsyncClient(timeout=timeout, transport=transport)
        self._sleep = sleep

    async def send(self, request: httpx.Request, *, follow: bool) -> httpx.Response:
        return await self._http.send(request, stream=True, follow_redirects=follow)

    async def read(self, response: httpx.Response) -> bytes:
        return await response.aread()

    async def chunks(self, response: httpx.Response) -> AsyncGenerator[bytes, None]:
        async for chunk in response.aiter_bytes():
            yield chunk

    async def release(self, response: httpx.Response) -> None:
        await response.aclose()

    async def sleep(self, seconds: float) -> None:
        await self._sleep(seconds)

    async def offload(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        return await asyncio.to_thread(function, *args, **kwargs)

    def open_wire(self, url: str, headers: Mapping[str, str]) -> AbstractAsyncContextManager["Wire"]:
        from timbre_client.wire import open_async  # noqa: PLC0415

        return open_async(url, headers, self._http.timeout.connect or 0.0)

    @asynccontextmanager
    async def beside(self, work: Coroutine[Any, Any, None]) -> AsyncGenerator[None, None]:
        task = asyncio.ensure_future(work)
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def close(self) -> None:
        await self._http.aclose()
