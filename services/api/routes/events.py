"""`/jobs/{id}/events`: what happens to a job, as it happens, as Server-Sent Events."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Header, Query, Response
from fastapi.sse import KEEPALIVE_COMMENT, format_sse_event
from starlette.concurrency import run_in_threadpool

from services.api.callers.auth import Caller
from services.api.callers.ownership import own_job
from services.api.documentation import problems
from services.api.http.ids import RecordId
from services.api.listening.following import follow
from services.api.listening.narration import EventId, JobEvent
from services.api.listening.streamed import UNBUFFERED, Streamed, count_stream
from services.api.state import State

router = APIRouter(tags=["jobs"])

EVENT_STREAM: Final = "text/event-stream"
#: How long a client whose line broke waits before it comes back.
RETRY_MILLISECONDS: Final = 2_000

_EXAMPLE: Final = """\
retry: 2000

event: snapshot
data: {"job_id":"019342a5b3c04f6e1a2b3c4d5e6f7a8b","status":"queued","result_url":null,"progress":0.0,\
"queue_position":2,"eta_s":6.3,"error":null}
id: 1-0-0

event: progress
data: {"job_id":"019342a5b3c04f6e1a2b3c4d5e6f7a8b","status":"processing","result_url":null,"progress":0.5,\
"queue_position":null,"eta_s":1.1,"error":null}
id: 2-50-0

"""
_SEEN: Final = "The `id` of the last event that was seen: what it told is not told again."
_RESPONSES: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "Events, until the job's end.",
        "content": {EVENT_STREAM: {"schema": {"type": "string"}, "example": _EXAMPLE}},
    },
    204: {"description": "The job is over and its end was seen: do not come back."},
    **problems(401, 404, 422, 500, 503),
}


class EventStream(Streamed):
    media_type = EVENT_STREAM


@router.get(
    "/jobs/{job_id}/events",
    response_class=EventStream,
    responses=_RESPONSES,
    dependencies=[Depends(count_stream)],
    summary="Listen to a job",
)
async def stream_events(
    *,
    job_id: RecordId,
    caller: Caller,
    state: State,
    header: Annotated[str | None, Header(alias="Last-Event-ID", max_length=64, description=_SEEN)] = None,
    query: Annotated[
        str | None, Query(alias="last_event_id", max_length=64, description="The same; the header wins.")
    ] = None,
) -> Response:
    """What happens to a job, as it happens.

    First comes a `snapshot`, then `progress` (also in the queue) and `status`, and last an `end`, after which the
    stream is closed. A job that is over has its `end` alone. Comments keep the line open meanwhile. The `data` of
    each is JSON with the job's `job_id`, `status`, `result_url`, `progress`, `queue_position`, `eta_s` and `error`.
    A client whose line broke comes back with the last `id` it saw, as browsers do, and misses nothing that counts.

    The same messages come over a WebSocket at `/jobs/{job_id}/ws`, as `{"event": …, "id": …, "data": …}`, with
    `last_event_id` as query. Clients that cannot send headers send `{"api_key": …}` as their first message there.
    It is closed with 1000 after the `end`, or with 4000 plus the status that the request would have been answered.
    """
    job = await run_in_threadpool(own_job, state, caller, job_id)
    seen = EventId.parse(header if header is not None else query)
    if job.status.is_terminal and seen is not None and seen.covers(job):
        return Response(status_code=204, headers=UNBUFFERED)
    events = follow(state.parts, job, state.narrator(seen), state.quiet_seconds)
    return EventStream(_lines(events), headers=UNBUFFERED)


async def _lines(events: AsyncGenerator[JobEvent | None, None]) -> AsyncGenerator[bytes, None]:
    yield format_sse_event(retry=RETRY_MILLISECONDS)
    async with aclosing(events):
        async for event in events:
            yield KEEPALIVE_COMMENT if event is None else _encode(event)


def _encode(event: JobEvent) -> bytes:
    return format_sse_event(data_str=event.state.model_dump_json(), event=event.name, id=str(event.id))
