"""Both clients in one: the real API on parts in memory, time that passes when it is slept, and a worker in it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from inspect import isawaitable
from typing import Any

import anyio
import httpx
from starlette.datastructures import UploadFile
from starlette.requests import Request

from services.api.app import create_app
from services.shared.parts import Parts
from services.shared.ports import UploadOffer
from services.shared.testing import ManualClock
from tests.unit.api.client import ALICE
from timbre_client import AsyncTimbre, Timbre

URL = "http://timbre.test"
STORE = "blobs.test"

#: What a request meets in place of the server.
Happening = httpx.Response | Exception


def _once(message: dict[str, Any]) -> Callable[[], Awaitable[dict[str, Any]]]:
    async def receive() -> dict[str, Any]:
        return message

    return receive


class Server(httpx.AsyncBaseTransport):
    """The API and the store behind its links. `happenings` befall the next requests, None for none."""

    def __init__(self, parts: Parts) -> None:
        self.requests: list[httpx.Request] = []
        self.happenings: list[Happening | None] = []
        #: What becomes of each file on its way.
        self.spoil: Callable[[bytes], bytes] = bytes
        self._parts = parts
        self._api = httpx.ASGITransport(create_app(parts, cancel_wait_seconds=0.0))

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await request.aread()
        self.requests.append(request)
        happening = self.happenings.pop(0) if self.happenings else None
        if isinstance(happening, Exception):
            raise happening
        if happening is not None:
            # A copy: one answer may be given again and again.
            return httpx.Response(happening.status_code, headers=happening.headers, stream=happening.stream)
        if request.url.host == STORE and request.method == "POST":
            return await self._stored(request)
        if request.url.host == STORE:
            return httpx.Response(200, content=self.spoil(self._parts.blobs.fetch(str(request.url))))
        return await self._api.handle_async_request(request)

    async def _stored(self, request: httpx.Request) -> httpx.Response:
        headers = [(name.lower(), value) for name, value in request.headers.raw]
        body = {"type": "http.request", "body": request.content}
        async with Request({"type": "http", "method": "POST", "headers": headers}, _once(body)).form() as form:
            last = form.multi_items()[-1][1]
            assert isinstance(last, UploadFile), "The file comes last."
            offer = UploadOffer(str(request.url), {name: str(value) for name, value in form.items()})
            try:
                self._parts.blobs.post(offer, await last.read())
            except PermissionError:
                return httpx.Response(403)
        return httpx.Response(204)

    def asked(self) -> list[str]:
        return [f"{request.method} {request.url.path}" for request in self.requests]


class Blockingly(httpx.BaseTransport):
    """The same for a client that blocks."""

    def __init__(self, served: Server) -> None:
        self._served = served

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        return anyio.run(self._ask, request)

    async def _ask(self, request: httpx.Request) -> httpx.Response:
        answer = await self._served.handle_async_request(request)
        if not isinstance(answer.stream, httpx.SyncByteStream):
            await answer.aread()
            return httpx.Response(answer.status_code, headers=answer.headers, content=answer.content)
        return answer


class Kit:
    """One of the two clients. `during` is called at each sleep: what goes on while the client waits."""

    def __init__(self, parts: Parts, *, asynchronous: bool) -> None:
        self.parts = parts
        self.served = Server(parts)
        self.naps: list[float] = []
        self.during: list[Callable[[], object]] = []
        self.clock = ManualClock()
        self._asynchronous = asynchronous
        self._runner = asyncio.Runner()
        self._opened: list[Any] = []
        self.client = self.connect()

    def connect(self, base_url: str = URL, api_key: str = ALICE, **options: Any) -> Any:
        """A client: `Any`, since the two differ in what they return."""
        given: dict[str, Any] = {"base_url": base_url, "api_key": api_key, "clock": self.clock, **options}
        if self._asynchronous:
            self._opened.append(AsyncTimbre(transport=self.served, sleep=self._sleep_async, **given))
        else:
            self._opened.append(Timbre(transport=Blockingly(self.served), sleep=self._sleep, **given))
        return self._opened[-1]

    def call(self, function: Callable[..., Any], *args: Any, **options: Any) -> Any:
        """What it returns, awaited where it has to be."""

        async def awaited(result: Awaitable[Any]) -> Any:
            return await result

        result = function(*args, **options)
        return self._runner.run(awaited(result)) if isawaitable(result) else result

    def items(self, items: Iterator[Any] | AsyncIterator[Any]) -> list[Any]:
        async def collect(some: AsyncIterator[Any]) -> list[Any]:
            return [item async for item in some]

        return list(items) if hasattr(items, "__iter__") else self._runner.run(collect(items))

    def close(self) -> None:
        for client in self._opened:
            self.call(client.close)
        self._runner.close()

    def _sleep(self, seconds: float) -> None:
        self.naps.append(seconds)
        self.clock.advance(seconds)
        if self.during:
            self.during.pop(0)()

    async def _sleep_async(self, seconds: float) -> None:
        self._sleep(seconds)
