"""`/tts/live`: text in while it is written, speech out while it is made, over one WebSocket."""

import asyncio

from fastapi import APIRouter, WebSocket

from services.api.errors import SessionIdle
from services.api.listening.live import LiveSession
from services.api.listening.live_schemas import LiveStart, read_start
from services.api.listening.sockets import attend, is_key, receive
from services.api.state import ApiState, State

router = APIRouter()


@router.websocket("/tts/live")
async def speak_live(websocket: WebSocket, state: State) -> None:
    async def talk(caller: str) -> None:
        start = await _start(websocket, state)
        await LiveSession(websocket, state, caller, start).run()

    await attend(websocket, state, talk, explain=True)


async def _start(websocket: WebSocket, state: ApiState) -> LiveStart:
    """The first message that is no key: one is heard where none is asked for, too.

    Raises `WebSocketDisconnect`, `SessionIdle`, `MalformedJson`, `InvalidField`.
    """
    seconds = state.parts.settings.live_idle_seconds
    try:
        async with asyncio.timeout(seconds):
            while is_key(message := await receive(websocket)):
                continue
    except TimeoutError as error:
        raise SessionIdle(f"No message came for {seconds:g} seconds.", accepted='{"voice_id": …}') from error
    return read_start(message)
