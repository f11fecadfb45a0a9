"""`/jobs/{id}/ws`: the events of a job over a WebSocket."""

from contextlib import aclosing
from typing import Any

from fastapi import APIRouter, WebSocket
from starlette.concurrency import run_in_threadpool

from services.api.callers.ownership import own_job
from services.api.listening.following import follow
from services.api.listening.narration import EventId, JobEvent
from services.api.listening.racing import first_of
from services.api.listening.sockets import attend, hear_out
from services.api.state import ApiState, State
from services.shared.job import Job

router = APIRouter()


@router.websocket("/jobs/{job_id}/ws")
async def talk(websocket: WebSocket, job_id: str, state: State) -> None:
    async def tell(caller: str) -> None:
        job = await run_in_threadpool(own_job, state, caller, job_id)
        await first_of(_send_events(websocket, state, job), hear_out(websocket))

    await attend(websocket, state, tell)


async def _send_events(websocket: WebSocket, state: ApiState, job: Job) -> None:
    narrator = state.narrator(EventId.parse(websocket.query_params.get("last_event_id")))
    async with aclosing(follow(state.parts, job, narrator, state.quiet_seconds)) as events:
        async for event in events:
            if event is not None:
                await websocket.send_json(_message(event))
    await websocket.close()


def _message(event: JobEvent) -> dict[str, Any]:
    return {"event": event.name, "id": str(event.id), "data": event.state.model_dump(mode="json")}
