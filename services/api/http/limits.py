"""Bounds on a request's body, held while it streams: bytes in all, and seconds between two pieces of it."""

import anyio
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.api.errors import PayloadTooLarge, RequestStalled


class BodyLimit:
    """Raises out of `receive`, where the reader of the body already cleans up behind itself.

    A body whose declared length is over the limit is refused before its first byte is read. A client that
    asked `Expect: 100-continue` thus never sends it.
    """

    def __init__(self, app: ASGIApp, *, max_bytes: int, stall_seconds: float) -> None:
        self._app = app
        self._max_bytes = max_bytes
        self._stall_seconds = stall_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            receive = _Meter(receive, _declared_length(scope), self._max_bytes, self._stall_seconds).receive
        await self._app(scope, receive, send)


class _Meter:
    def __init__(self, receive: Receive, declared: int, max_bytes: int, stall_seconds: float) -> None:
        self._receive = receive
        self._declared = declared
        self._max_bytes = max_bytes
        self._stall_seconds = stall_seconds
        self._read = 0
        self._complete = False

    async def receive(self) -> Message:
        if self._complete:
            return await self._receive()
        self._refuse_beyond(self._declared)
        message = await self._next()
        self._read += len(message.get("body", b""))
        self._complete = not message.get("more_body", False)
        self._refuse_beyond(self._read)
        return message

    async def _next(self) -> Message:
        try:
            with anyio.fail_after(self._stall_seconds):
                return await self._receive()
        except TimeoutError as error:
            raise RequestStalled(f"Nothing of the body arrived for {self._stall_seconds:g} seconds.") from error

    def _refuse_beyond(self, count: int) -> None:
        if count > self._max_bytes:
            accepted = f"at most {self._max_bytes} bytes"
            raise PayloadTooLarge(f"The request's body has more than {self._max_bytes} bytes.", accepted=accepted)


def _declared_length(scope: Scope) -> int:
    declared = Headers(scope=scope).get("content-length", "0")
    return int(declared) if declared.isdecimal() else 0
