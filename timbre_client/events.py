"""A job's events: Server-Sent Events, taken up again where the line broke."""

import json
from collections.abc import AsyncGenerator, AsyncIterable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Final

from timbre_client.address import shown
from timbre_client.decoding import decode
from timbre_client.errors import ApiError, ServerUnreachable, UnexpectedAnswer
from timbre_client.job import JobState
from timbre_client.polling import Polling
from timbre_client.session import Call, Session, path_of

LONGEST_PAUSE: Final = 2.0
LAST_EVENT_ID: Final = "Last-Event-ID"

#: One event as it came: its fields by name.
Fields = dict[str, str]


@dataclass(frozen=True)
class JobEvent:
    """`snapshot` comes first, then `progress` and `status`, and `end` last. `id` is for `last_event_id`."""

    name: str
    id: str
    state: JobState


async def listen(
    session: Session, job_id: str, last_event_id: str | None, patience: float
) -> AsyncGenerator[JobEvent, None]:
    """Raises what `Session.request` raises, what may pass only after `patience` seconds."""
    polling = Polling(session.clock, timeout=None, patience=patience, longest_pause=LONGEST_PAUSE)
    seen = last_event_id
    while True:
        try:
            async with aclosing(_connection(session, job_id, seen)) as events:
                async for event in events:
                    polling.answered()
                    yield event
                    if event.name == "end":
                        return
                    seen = event.id or seen
        except (ApiError, ServerUnreachable) as error:
            polling.missed(error)
        except Finished:
            return
        await session.line.sleep(polling.next_pause())


class Finished(Exception):
    """The server has nothing more to tell whoever saw that much."""


async def _connection(session: Session, job_id: str, seen: str | None) -> AsyncGenerator[JobEvent, None]:
    headers = {"Accept": "text/event-stream", **({LAST_EVENT_ID: seen} if seen else {})}
    call = Call("GET", path_of("jobs", job_id, "events"), headers=headers)
    response = await session.request(call, max_retries=0, whole=False)
    chunks = session.chunks(response, shown(response.url))
    async with aclosing(chunks), aclosing(parse(chunks)) as events:
        if response.status_code == 204:
            raise Finished
        if not response.headers.get("Content-Type", "").startswith("text/event-stream"):
            raise UnexpectedAnswer(f"{session.address} does not answer like Timbre.")
        async for fields in events:
            yield _event(fields)


async def parse(chunks: AsyncIterable[bytes]) -> AsyncGenerator[Fields, None]:
    """The events of `text/event-stream` that have data. What is cut off at the end was none."""
    fields: Fields = {}
    rest = b""
    async for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            name, _, value = line.rstrip(b"\r").decode().partition(":")
            if name:
                fields[name] = _joined(name, fields, value.removeprefix(" "))
            elif not line.strip():
                if "data" in fields:
                    yield fields
                fields = {}


def _joined(name: str, fields: Fields, value: str) -> str:
    """Data may have several lines; of all else the last counts."""
    return f"{fields[name]}\n{value}" if name == "data" and name in fields else value


def _event(fields: Fields) -> JobEvent:
    try:
        state = decode(JobState, json.loads(fields["data"]))
    except ValueError as error:
        raise UnexpectedAnswer("An event holds no JSON.") from error
    return JobEvent(fields.get("event", "message"), fields.get("id", ""), state)
