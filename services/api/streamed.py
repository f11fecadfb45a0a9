"""Answers that are made while they are sent."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import cast

from fastapi.responses import StreamingResponse
from starlette.types import Send


class Streamed(StreamingResponse):
    """Lets go of what it streams from as soon as it is done, or its client has left."""

    async def stream_response(self, send: Send) -> None:
        async with aclosing(cast(AsyncGenerator[bytes, None], self.body_iterator)):
            await super().stream_response(send)
