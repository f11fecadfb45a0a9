"""Answers that are made while they are sent."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Final, cast

from fastapi import Request
from fastapi.responses import StreamingResponse
from starlette.requests import HTTPConnection
from starlette.types import Receive, Scope, Send

from services.api.callers.auth import Caller, identity_of
from services.api.listening.racing import first_of
from services.api.state import State, api_state

#: nginx buffers what it passes on unless told otherwise; caches have no business with any of it.
UNBUFFERED: Final = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


async def count_stream(request: Request, _caller: Caller, state: State) -> AsyncIterator[None]:
    """For routes that answer so: one stream of the caller's until all of it was sent. Raises `TooManyStreams`."""
    with state.open_streams.hold(identity_of(request)):
        yield


class AnswerCut(Exception):
    """An answer that was begun will not go on. Raised where none can tell any more."""


class SpeechCut(AnswerCut):
    """Speech of which the beginning was heard will not go on."""


class KeyRevoked(AnswerCut):
    """Whom it is for may not have it any more."""


class Streamed(StreamingResponse):
    """Lets go of what it streams from as soon as it is done, its client has left, or that client's key was revoked."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Raises `AnswerCut`."""
        self._connection = HTTPConnection(scope)
        await super().__call__(scope, receive, send)

    async def stream_response(self, send: Send) -> None:
        async with aclosing(cast(AsyncGenerator[bytes, None], self.body_iterator)):
            await first_of(super().stream_response(send), self._until_revoked())

    async def _until_revoked(self) -> None:
        await api_state(self._connection).authenticator.until_revoked(identity_of(self._connection))
        raise KeyRevoked("The key was revoked.")
