"""Speech of a text that is still being written."""

import json
from collections.abc import AsyncGenerator, AsyncIterable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import httpx

from timbre_client.address import shown
from timbre_client.errors import ServerUnreachable, UnexpectedAnswer, api_error
from timbre_client.session import Session

if TYPE_CHECKING:
    from timbre_client.wire import Wire

#: Texts as they come, cut anywhere.
Texts = Iterable[str] | AsyncIterable[str]

#: Characters of one message, so that none is longer than the server takes.
_PIECE: Final = 8_000


@dataclass(frozen=True)
class LiveEvent:
    """`started` comes first; `chunk` tells what the audio from here on says (`text`, `start`, `end`, `job_id`,
    `audio_start_s`), `error` which text was left out and why (`problem`), and `done` comes last."""

    name: str
    data: Mapping[str, Any] = field(repr=False)

    @property
    def ends_all(self) -> bool:
        """Whether it is an error of more than one piece of the text."""
        return self.name == "error" and "text" not in self.data


async def speak_live(
    session: Session, start: Mapping[str, object], texts: Texts, on_event: Callable[[LiveEvent], object] | None
) -> AsyncGenerator[bytes, None]:
    """The audio as it comes. Raises what `texts` raises too."""
    async with session.open_wire("/tts/live") as wire:
        writer = _Writer(wire, start, texts)
        async with session.line.beside(writer.write()):
            while True:
                message = await _receive(session, wire, writer)
                if isinstance(message, bytes):
                    yield message
                    continue
                event = _parse(message)
                if event.ends_all:
                    problem = event.data["problem"]
                    raise api_error(httpx.Response(problem["status"], json=problem))
                if on_event is not None:
                    on_event(event)
                if event.name == "done":
                    return


class _Writer:
    """Sends the text while the audio is received."""

    def __init__(self, wire: "Wire", start: Mapping[str, object], texts: Texts) -> None:
        self._wire = wire
        self._start = start
        self._texts = texts
        self.error: BaseException | None = None

    async def write(self) -> None:
        """Never raises: closing the wire wakes up who receives, and finds `error`."""
        from timbre_client.wire import Closed  # noqa: PLC0415

        try:
            await self._wire.send(json.dumps(self._start))
            async for text in _each(self._texts):
                for place in range(0, len(text), _PIECE):
                    await self._wire.send(json.dumps({"text": text[place : place + _PIECE]}))
            await self._wire.send(json.dumps({"end": True}))
        except Closed:
            return  # Who receives learns of it, too.
        except Exception as error:
            self.error = error
            await self._wire.close()


async def _each(texts: Texts) -> AsyncGenerator[str, None]:
    if isinstance(texts, AsyncIterable):
        async for text in texts:
            yield text
    else:
        for text in texts:
            yield text


async def _receive(session: Session, wire: "Wire", writer: _Writer) -> str | bytes:
    from timbre_client.wire import Closed  # noqa: PLC0415

    try:
        return await wire.receive()
    except Closed as error:
        if writer.error is not None:
            raise writer.error from None
        where = shown(session.address.join("/tts/live"))
        raise ServerUnreachable(where, "the line broke", sent=True) from error


def _parse(message: str) -> LiveEvent:
    try:
        document = json.loads(message)
        return LiveEvent(str(document["event"]), document)
    except (ValueError, LookupError, TypeError) as error:
        raise UnexpectedAnswer("A message is no event of Timbre's.") from error
