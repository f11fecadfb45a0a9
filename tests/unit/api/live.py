"""Connections that stay: an event stream and a WebSocket, over ASGI, read one message at a time."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import anyio.lowlevel
import httpx
from fastapi import FastAPI

from services.shared.job import Job
from services.shared.parts import Parts

#: Everything here happens at once; a test that waits so long has failed.
PATIENCE = 5.0


class Line:
    """One connection, seen from the client's side. `task` is the application's side of it."""

    def __init__(self, app: FastAPI, scope: dict[str, Any], opening: dict[str, Any]) -> None:
        self._incoming: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._outgoing: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._outgoing.put_nowait(opening)
        defaults = {"query_string": b"", "headers": [], "asgi": {"version": "3.0", "spec_version": "2.3"}}
        self._farewell: dict[str, Any] | None = None
        self._stalls = False
        self.task = asyncio.ensure_future(app(defaults | scope, self._outgoing.get, self._take))

    async def _take(self, message: dict[str, Any]) -> None:
        await self._incoming.put(message)
        if self._farewell is not None and message["type"] == "http.response.body" and not message.get("more_body"):
            self.send(self._farewell)
            # The application hears of it before it goes on.
            await anyio.wait_all_tasks_blocked()
        if self._stalls and message.get("more_body"):
            await anyio.sleep_forever()

    async def receive(self) -> dict[str, Any]:
        return await asyncio.wait_for(self._incoming.get(), PATIENCE)

    def send(self, message: dict[str, Any]) -> None:
        self._outgoing.put_nowait(message)

    async def over(self) -> None:
        """Until the application is done with the connection."""
        await asyncio.wait_for(self.task, PATIENCE)


class EventSource(Line):
    """Reads `text/event-stream`."""

    def __init__(self, app: FastAPI, path: str, query: str, headers: dict[str, str]) -> None:
        scope = {"type": "http", "method": "GET", "path": path, "raw_path": path.encode()}
        scope |= {"query_string": query.encode(), "headers": _raw(headers)}
        super().__init__(app, scope, {"type": "http.request", "body": b"", "more_body": False})
        self.status = 0
        self.headers: dict[str, str] = {}
        self._buffer = b""

    async def open(self) -> None:
        start = await self.receive()
        self.status = start["status"]
        self.headers = {name.decode(): value.decode() for name, value in start["headers"]}

    async def block(self) -> str:
        """The next block as it comes, comments too; empty at the end of the stream."""
        while b"\n\n" not in self._buffer:
            message = await self.receive()
            self._buffer += message.get("body", b"")
            if not message.get("more_body"):
                return ""
        block, _, self._buffer = self._buffer.partition(b"\n\n")
        return block.decode()

    async def event(self) -> dict[str, Any]:
        """The next event: its fields, with `data` decoded. Raises `EOFError` at the end of the stream."""
        while block := await self.block():
            fields: dict[str, Any] = dict(line.split(": ", 1) for line in block.splitlines() if line[0] != ":")
            if "data" in fields:
                return fields | {"data": json.loads(fields["data"])}
        raise EOFError

    def leave(self) -> None:
        self.send({"type": "http.disconnect"})


class AudioLine(Line):
    """Reads an answer of bytes that are made while they are sent."""

    def __init__(self, app: FastAPI, request: httpx.Request) -> None:
        scope = {"type": "http", "method": request.method, "path": request.url.path, "raw_path": request.url.raw_path}
        scope |= {"headers": [(name.lower(), value) for name, value in request.headers.raw]}
        super().__init__(app, scope, {"type": "http.request", "body": request.read(), "more_body": False})
        self.status = 0
        self.headers: dict[str, str] = {}

    async def open(self) -> None:
        start = await self.receive()
        self.status = start["status"]
        self.headers = {name.decode(): value.decode() for name, value in start["headers"]}

    async def chunk(self) -> bytes | None:
        """The next bytes; None at the answer's end."""
        message = await self.receive()
        return message["body"] if message.get("body") or message.get("more_body") else None

    async def rest(self) -> bytes:
        """What comes until the end. Raises `TimeoutError` where the answer breaks off before it."""
        found = b""
        while (chunk := await self.chunk()) is not None:
            found += chunk
        return found

    async def cut(self) -> bytes:
        """What came until the application was done without having finished its answer."""
        found = b""
        await self.over()
        while not self._incoming.empty():
            message = await self.receive()
            assert message.get("more_body"), "the answer came to its proper end"
            found += message["body"]
        return found

    def stall(self) -> None:
        """Take one piece and no other: the application stays in the midst of sending, as to a client that is slow."""
        self._stalls = True

    def leave_at_end(self) -> None:
        """Once the last byte is there, in the very moment."""
        self._farewell = {"type": "http.disconnect"}

    def leave(self) -> None:
        self.send({"type": "http.disconnect"})


class Socket(Line):
    """A WebSocket."""

    def __init__(self, app: FastAPI, path: str, query: str, headers: dict[str, str]) -> None:
        scope = {"type": "websocket", "path": path, "raw_path": path.encode(), "subprotocols": []}
        scope |= {"query_string": query.encode(), "headers": _raw({"host": "timbre.test"} | headers)}
        super().__init__(app, scope, {"type": "websocket.connect"})

    async def message(self) -> dict[str, Any]:
        """The next message, or how the socket was closed: `{"code": …, "reason": …}`."""
        said = await self.frame()
        assert isinstance(said, dict), "audio came"
        return said

    async def frame(self) -> dict[str, Any] | bytes:
        """The same, or audio."""
        message = await self.receive()
        if message["type"] == "websocket.accept":
            return await self.frame()
        if message["type"] == "websocket.close":
            return {"code": message["code"], "reason": message.get("reason")}
        if message.get("bytes") is not None:
            return bytes(message["bytes"])
        decoded: dict[str, Any] = json.loads(message["text"])
        return decoded

    async def audio(self, size: int) -> bytes:
        """So many bytes of it, from as many messages as they come in."""
        found = b""
        while len(found) < size:
            piece = await self.frame()
            assert isinstance(piece, bytes), piece
            found += piece
        return found

    def say(self, text: str) -> None:
        self.send({"type": "websocket.receive", "text": text})

    def leave(self) -> None:
        self.send({"type": "websocket.disconnect", "code": 1001})


@asynccontextmanager
async def listening(
    app: FastAPI, job_id: str, *, query: str = "", headers: dict[str, str] | None = None
) -> AsyncIterator[EventSource]:
    """A listener to a job's event stream, which leaves in the end."""
    source = EventSource(app, f"/jobs/{job_id}/events", query, headers or {})
    try:
        await source.open()
        yield source
    finally:
        source.leave()
        await source.over()


@asynccontextmanager
async def hearing(app: FastAPI, request: httpx.Request) -> AsyncIterator[AudioLine]:
    """A client that hears audio as it is made, and leaves in the end. Nothing of the answer was awaited yet."""
    line = AudioLine(app, request)
    try:
        yield line
    finally:
        line.leave()
        await line.over()


@asynccontextmanager
async def talking(
    app: FastAPI, job_id: str, *, query: str = "", headers: dict[str, str] | None = None
) -> AsyncIterator[Socket]:
    """A WebSocket to a job's events, which leaves in the end."""
    async with calling(app, f"/jobs/{job_id}/ws", query=query, headers=headers) as socket:
        yield socket


@asynccontextmanager
async def calling(
    app: FastAPI, path: str, *, query: str = "", headers: dict[str, str] | None = None
) -> AsyncIterator[Socket]:
    """A WebSocket, which leaves in the end."""
    socket = Socket(app, path, query, headers or {})
    try:
        yield socket
    finally:
        socket.leave()
        await socket.over()


async def submitted(parts: Parts, number: int = 1) -> Job:
    """The job that was submitted as the first, or second, …, once there are as many."""
    with anyio.fail_after(PATIENCE):
        while len(parts.queue.sent) < number:
            await anyio.lowlevel.checkpoint()
    return parts.jobs.get(parts.queue.sent[number - 1])


def _raw(headers: dict[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.lower().encode(), value.encode()) for name, value in headers.items()]
