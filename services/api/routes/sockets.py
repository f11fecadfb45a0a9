"""`/jobs/{id}/ws`: the events of a job over a WebSocket."""

import asyncio
import json
from collections.abc import Coroutine
from contextlib import aclosing
from typing import Any, Final
from urllib.parse import urlsplit

from fastapi import APIRouter, WebSocket, WebSocketDisconnect
from starlette.concurrency import run_in_threadpool
from starlette.types import Message

from f5_tts_core.errors import TimbreError
from services.api.auth import identify, require, sent_key
from services.api.errors import KeyAwaited, Unauthorized
from services.api.following import follow
from services.api.narration import EventId, JobEvent
from services.api.ownership import own_job
from services.api.problems import status_of
from services.api.state import ApiState, State
from services.shared.job import Job
from services.shared.scopes import SPEECH

router = APIRouter()

#: How long a client has for its first message, where that brings its key.
KEY_SECONDS: Final = 10.0
#: Close codes from here on are ours: this, plus the status that a request would have been answered.
_CLOSE_BASE: Final = 4_000
_CLOSE_FORBIDDEN: Final = 1_008


@router.websocket("/jobs/{job_id}/ws")
async def talk(websocket: WebSocket, job_id: str, state: State) -> None:
    if not _is_welcome(websocket, state.parts.settings.cors_origins):
        await websocket.close(_CLOSE_FORBIDDEN)
        return
    await websocket.accept()
    try:
        caller = await _identify(websocket, state)
        job = await run_in_threadpool(own_job, state, caller, job_id)
        await _first_of(_send_events(websocket, state, job), _hear_out(websocket))
    except TimbreError as error:
        await websocket.close(_CLOSE_BASE + status_of(type(error)), error.type)
    except WebSocketDisconnect:
        return


def _is_welcome(websocket: WebSocket, origins: tuple[str, ...]) -> bool:
    """Browsers let any page open a WebSocket anywhere, and leave it to us to look at whose page it is."""
    origin = websocket.headers.get("origin")
    return origin is None or origin in origins or urlsplit(origin).netloc == websocket.headers.get("host")


async def _identify(websocket: WebSocket, state: ApiState) -> str:
    """The caller's name. Raises `KeyAwaited`, `WebSocketDisconnect`, and what `identify` and `require` raise."""
    key = sent_key(websocket.headers)
    if state.authenticator.asks_who and key is None:
        try:
            async with asyncio.timeout(KEY_SECONDS):
                key = _read_key(await websocket.receive())
        except TimeoutError as error:
            raise KeyAwaited(f"No message within {KEY_SECONDS:g} seconds.", accepted='{"api_key": …}') from error
    identity = await identify(websocket, key)
    require(identity, SPEECH)
    return identity.owner


def _read_key(message: Message) -> str:
    if message["type"] == "websocket.disconnect":
        raise WebSocketDisconnect
    try:
        return str(json.loads(message.get("text") or "")["api_key"])
    except (ValueError, LookupError, TypeError, RecursionError) as error:
        raise Unauthorized("The first message brings no API key.", accepted='{"api_key": …}') from error


async def _send_events(websocket: WebSocket, state: ApiState, job: Job) -> None:
    narrator = state.narrator(EventId.parse(websocket.query_params.get("last_event_id")))
    async with aclosing(follow(state.parts, job, narrator, state.quiet_seconds)) as events:
        async for event in events:
            if event is not None:
                await websocket.send_json(_message(event))
    await websocket.close()


def _message(event: JobEvent) -> dict[str, Any]:
    return {"event": event.name, "id": str(event.id), "data": event.state.model_dump(mode="json")}


async def _hear_out(websocket: WebSocket) -> None:
    """Until the client leaves. Whatever it says is of no interest."""
    while (await websocket.receive())["type"] != "websocket.disconnect":
        continue


async def _first_of(*works: Coroutine[Any, Any, None]) -> None:
    """Whichever is done first ends the others."""
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
