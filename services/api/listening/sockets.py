"""What all WebSockets have in common: whose pages may open one, who is calling, and how it is closed."""

import asyncio
import json
from collections.abc import Callable, Coroutine
from typing import Any, Final
from urllib.parse import urlsplit

from fastapi import WebSocket, WebSocketDisconnect
from starlette.types import Message

from f5_tts_core.errors import TimbreError
from services.api.callers.auth import identify, require, sent_key
from services.api.callers.errors import KeyAwaited, Unauthorized
from services.api.callers.identity import Identity
from services.api.listening.racing import first_of
from services.api.problems import problem_of
from services.api.state import ApiState
from services.shared.scopes import SPEECH

#: How long a client has for its first message, where that brings its key.
KEY_SECONDS: Final = 10.0
#: Close codes from here on are ours: this, plus the status that a request would have been answered.
_CLOSE_BASE: Final = 4_000
_CLOSE_FORBIDDEN: Final = 1_008


async def attend(
    websocket: WebSocket, state: ApiState, talk: Callable[[str], Coroutine[Any, Any, None]], *, explain: bool = False
) -> None:
    """Have `talk` with a caller who may speak, by its name. What it raises closes the line.

    The close code tells what was wrong; `explain` sends the whole problem before it, as the event `error`.
    """
    if not _is_welcome(websocket, state.parts.settings.cors_origins):
        await websocket.close(_CLOSE_FORBIDDEN)
        return
    await websocket.accept()
    try:
        try:
            identity = await _identify(websocket, state)
            with state.open_streams.hold(identity):
                await first_of(talk(identity.owner), _until_revoked(state, identity))
        except TimbreError as error:
            await _refuse(websocket, error, explain=explain)
    except WebSocketDisconnect:
        return


def problem_event(websocket: WebSocket, error: TimbreError, **more: Any) -> dict[str, Any]:
    """What is wrong, as an HTTP request would have been answered."""
    problem = problem_of(error).body(websocket.url.path, getattr(websocket.state, "request_id", None))
    return {"event": "error", "problem": problem, **more}


def is_key(message: Message) -> bool:
    """Whether it brings a key and nothing else."""
    try:
        return set(json.loads(message.get("text") or "")) == {"api_key"}
    except (ValueError, TypeError, RecursionError):
        return False


async def receive(websocket: WebSocket) -> Message:
    """The client's next message. Raises `WebSocketDisconnect` where it has left."""
    message = await websocket.receive()
    if message["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(message.get("code", 1005))
    return message


async def hear_out(websocket: WebSocket) -> None:
    """Until the client leaves. Whatever it says is of no interest."""
    while (await websocket.receive())["type"] != "websocket.disconnect":
        continue


def _is_welcome(websocket: WebSocket, origins: tuple[str, ...]) -> bool:
    """Browsers let any page open a WebSocket anywhere, and leave it to us to look at whose page it is."""
    origin = websocket.headers.get("origin")
    return origin is None or origin in origins or urlsplit(origin).netloc == websocket.headers.get("host")


async def _until_revoked(state: ApiState, identity: Identity) -> None:
    """Raises `Unauthorized`."""
    await state.authenticator.until_revoked(identity)
    raise Unauthorized("The API key is not known any more.")


async def _identify(websocket: WebSocket, state: ApiState) -> Identity:
    """Who may speak. Raises `KeyAwaited`, `WebSocketDisconnect`, and what `identify` and `require` raise."""
    key = sent_key(websocket.headers)
    if state.authenticator.asks_who and key is None:
        try:
            async with asyncio.timeout(KEY_SECONDS):
                key = _read_key(await receive(websocket))
        except TimeoutError as error:
            raise KeyAwaited(f"No message within {KEY_SECONDS:g} seconds.", accepted='{"api_key": …}') from error
    identity = await identify(websocket, key)
    require(identity, SPEECH)
    return identity


def _read_key(message: Message) -> str:
    try:
        return str(json.loads(message.get("text") or "")["api_key"])
    except (ValueError, LookupError, TypeError, RecursionError) as error:
        raise Unauthorized("The first message brings no API key.", accepted='{"api_key": …}') from error


async def _refuse(websocket: WebSocket, error: TimbreError, *, explain: bool) -> None:
    if explain:
        await websocket.send_json(problem_event(websocket, error))
    problem = problem_of(error)
    await websocket.close(_CLOSE_BASE + problem.status, problem.type)
