"""Reading, following, stopping and deleting jobs."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from services.shared.job import JobStatus
from tests.unit.api.client import add_job, run_job, start_job
from timbre_client import (
    ConflictError,
    InvalidId,
    JobFailed,
    JobTimeout,
    NotFoundError,
    ServerUnreachable,
    ServiceUnavailableError,
    UnexpectedAnswer,
)

from .kit import Kit


def add(kit: Kit, **fields: Any) -> Any:
    return add_job(kit.parts, owner="alice", **fields)


def test_a_job_is_read(kit: Kit) -> None:
    stored = add(kit, text="Hello there.")
    job = kit.call(kit.client.jobs.get, stored.id)
    assert (job.job_id, job.status, job.is_terminal) == (stored.id, "queued", False)
    assert job.created_at.timestamp() == stored.created_at
    run_job(kit.parts, stored)
    done = kit.call(kit.client.jobs.get, job)
    assert (done.is_terminal, done.progress, done.output.seed, done.metrics) == (True, 1.0, 7, {"total": 0.5})
    assert done.raw["result_url"] == done.result_url


def test_neither_texts_nor_links_are_in_its_repr(kit: Kit) -> None:
    stored = add(kit, text="A secret.", ref_text="Another.", webhook_url="https://hooks.test/?token=third")
    run_job(kit.parts, stored)
    shown = repr(kit.call(kit.client.jobs.get, stored.id))
    assert "seed=7" in shown
    assert not any(word in shown for word in ("secret", "Another", "signature", "third"))


def test_all_jobs_are_listed_whatever_page_they_are_on(kit: Kit) -> None:
    ids = []
    for _ in range(5):
        ids.append(add(kit).id)
        kit.parts.clock.advance(1)
    add_job(kit.parts, owner="bob")
    assert [job.job_id for job in kit.items(kit.client.jobs.list(page_size=2))] == ids[::-1]
    assert kit.served.asked() == ["GET /jobs"] * 3
    assert kit.items(kit.client.jobs.list(status="failed")) == []


def test_a_page_says_where_the_next_begins(kit: Kit) -> None:
    add(kit)
    kit.parts.clock.advance(1)
    add(kit)
    first = kit.call(kit.client.jobs.page, limit=1)
    second = kit.call(kit.client.jobs.page, limit=1, cursor=first.next_cursor)
    assert first.items[0].created_at > second.items[0].created_at
    assert second.next_cursor is None
    assert second.raw["jobs"][0]["job_id"] == second.items[0].job_id


def test_a_job_is_canceled_once(kit: Kit) -> None:
    stored = add(kit)
    assert kit.call(kit.client.jobs.cancel, stored.id).status == "canceled"
    with pytest.raises(ConflictError):
        kit.call(kit.client.jobs.cancel, stored.id)


def test_a_job_is_deleted(kit: Kit) -> None:
    stored = add(kit)
    assert kit.call(kit.client.jobs.delete, stored.id) is None
    with pytest.raises(NotFoundError, match="no job of this id"):
        kit.call(kit.client.jobs.get, stored.id)


@pytest.mark.parametrize("nothing", ["", ".", ".."])
def test_what_is_no_id_leads_nowhere(kit: Kit, nothing: str) -> None:
    with pytest.raises(InvalidId):
        kit.call(kit.client.jobs.delete, nothing)
    with pytest.raises(NotFoundError):
        kit.call(kit.client.jobs.get, f"{nothing}/x?y#z")
    assert len(kit.served.requests) == 1


# --- waiting ---------------------------------------------------------------------------------------


def test_it_looks_more_and_more_seldom(kit: Kit) -> None:
    stored = add(kit)
    kit.during[:] = [lambda: None] * 29 + [lambda: run_job(kit.parts, stored)]
    done = kit.call(kit.client.jobs.wait, stored.id, longest_pause=1.0)
    assert done.status == "succeeded"
    assert len(kit.naps) == 30
    assert 0.1 < kit.naps[0] <= 0.15
    assert 0.75 <= kit.naps[-1] <= 1.0
    assert len(set(kit.naps[-5:])) == 5, "clients would come in step"


def test_every_reading_is_told(kit: Kit) -> None:
    stored = add(kit)
    seen: list[str] = []
    kit.during.append(lambda: start_job(kit.parts, stored))
    with pytest.raises(JobTimeout) as late:
        kit.call(kit.client.jobs.wait, stored.id, timeout=0.5, on_progress=lambda job: seen.append(job.status))
    assert seen[:2] == ["queued", "processing"]
    assert late.value.job.status == "processing"
    assert kit.parts.jobs.get(stored.id).status is JobStatus.PROCESSING, "only waiting was given up"
    assert sum(kit.naps) == pytest.approx(0.5)


def test_a_job_that_is_over_is_not_waited_for(kit: Kit) -> None:
    stored = add(kit)
    canceled = kit.call(kit.client.jobs.cancel, stored.id)
    with pytest.raises(JobFailed, match="The job is canceled") as ended:
        kit.call(kit.client.jobs.wait, canceled)
    assert (ended.value.type, kit.naps) == (None, [])


def test_a_server_that_is_away_for_a_moment_is_asked_again(kit: Kit) -> None:
    stored = add(kit)
    busy = httpx.Response(503, headers={"Retry-After": "7"}, json={"title": "Away"})
    slow = httpx.Response(429, headers={"Retry-After": "2"}, json={"title": "Slow down"})
    kit.served.happenings = [None, httpx.ConnectError("refused"), busy, slow]
    kit.during[:] = [lambda: None] * 3 + [lambda: run_job(kit.parts, stored)]
    assert kit.call(kit.client.jobs.wait, stored.id).status == "succeeded"
    assert kit.naps[2:] == [7.0, 2.0]
    assert len(kit.served.requests) == 5, "each look is one request"


def test_one_that_stays_away_is_given_up(kit: Kit) -> None:
    stored = add(kit)
    kit.served.happenings = [None, *[httpx.ConnectError("refused")] * 100]
    with pytest.raises(ServerUnreachable, match=r"http://timbre.test/jobs/\w+ does not answer \(refused\)"):
        kit.call(kit.client.jobs.wait, stored.id, patience=20.0)
    assert 20 < sum(kit.naps) < 25


def test_one_that_asks_for_more_patience_than_there_is_is_not_waited_for(kit: Kit) -> None:
    stored = add(kit)
    kit.served.happenings = [None, httpx.Response(503, headers={"Retry-After": "600"}, json={"title": "Away"})]
    with pytest.raises(ServiceUnavailableError):
        kit.call(kit.client.jobs.wait, stored.id)
    assert len(kit.naps) == 1


def test_what_will_not_pass_is_raised_at_once(kit: Kit) -> None:
    stored = add(kit)
    kit.during.append(lambda: kit.parts.jobs.remove(stored.id))
    with pytest.raises(NotFoundError):
        kit.call(kit.client.jobs.wait, stored.id)


# --- listening -------------------------------------------------------------------------------------


class Broken(httpx.SyncByteStream, httpx.AsyncByteStream):
    """Brings these pieces; then the line breaks, where it is to."""

    def __init__(self, *pieces: bytes, whole: bool = False) -> None:
        self._pieces = pieces
        self._whole = whole

    def __iter__(self) -> Iterator[bytes]:
        yield from self._pieces
        if not self._whole:
            raise httpx.ReadError("cut")

    async def __aiter__(self) -> Any:
        for piece in self:
            yield piece


def stream(*pieces: bytes, whole: bool = False) -> httpx.Response:
    return httpx.Response(200, headers={"Content-Type": "text/event-stream"}, stream=Broken(*pieces, whole=whole))


def told(name: str, status: str, event_id: str) -> bytes:
    return f'event: {name}\ndata: {{"job_id": "j1",\ndata: "status": "{status}"}}\nid: {event_id}\n\n'.encode()


def test_a_job_that_is_over_has_its_end_to_tell(kit: Kit) -> None:
    stored = add(kit)
    run_job(kit.parts, stored)
    (event,) = kit.items(kit.client.jobs.events(stored.id))
    assert (event.name, event.state.status, event.state.progress) == ("end", "succeeded", 1.0)
    assert kit.items(kit.client.jobs.events(stored.id, last_event_id=event.id)) == []


def test_a_line_that_breaks_is_taken_up_where_it_broke(kit: Kit) -> None:
    first = told("snapshot", "queued", "1-0-0")
    kit.served.happenings = [
        stream(b": hello\n\n", first[:20], first[20:] + told("status", "processing", "2-0-0")[:30]),
        httpx.ConnectError("refused"),
        stream(b"retry: 2000\r\n\r\n", told("progress", "processing", "2-5-0"), whole=True),
        stream(told("end", "succeeded", "3-100-0"), told("beyond", "failed", "4-0-0")),
    ]
    events = kit.items(kit.client.jobs.events("j1"))
    assert [(event.name, event.state.status) for event in events] == [
        ("snapshot", "queued"),
        ("progress", "processing"),
        ("end", "succeeded"),
    ]
    seen = [request.headers.get("last-event-id") for request in kit.served.requests]
    assert seen == [None, "1-0-0", "1-0-0", "2-5-0"]
    assert len(kit.naps) == 3


def test_a_listener_gives_up_as_well(kit: Kit) -> None:
    with pytest.raises(NotFoundError):
        kit.items(kit.client.jobs.events("none"))
    kit.served.happenings = [httpx.ConnectError("refused")] * 100
    with pytest.raises(ServerUnreachable):
        kit.items(kit.client.jobs.events("j1", patience=5.0))
    assert 5 < sum(kit.naps) < 8


@pytest.mark.parametrize(
    "answer", [httpx.Response(200, json={}), stream(b"data: <html>\n\n"), stream(b'data: {"status": 1}\n\n')]
)
def test_what_are_no_events_is_no_timbre(kit: Kit, answer: httpx.Response) -> None:
    kit.served.happenings = [answer]
    with pytest.raises(UnexpectedAnswer):
        kit.items(kit.client.jobs.events("j1"))
