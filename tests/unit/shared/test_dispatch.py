"""Sending jobs in their turns: what tenants notice of each other."""

import pytest
from structlog.testing import capture_logs

from services.shared.dispatch import dispatch, try_dispatch
from services.shared.errors import JobQueueUnavailable
from services.shared.job import Job, claim
from services.shared.lane import UNNAMED
from services.shared.parts import Parts
from services.shared.priority import Priority
from services.shared.testing import make_job, memory_parts


@pytest.fixture
def parts() -> Parts:
    return memory_parts(queue_lead=4)


def add(parts: Parts, **fields: object) -> Job:
    parts.clock.advance(0.001)  # type: ignore[attr-defined]
    job = make_job(created_at=parts.clock(), **fields)
    parts.jobs.add(job)
    return job


def take(parts: Parts) -> Job:
    """What a worker does with the next message, short of speaking."""
    job = parts.jobs.get(parts.queue.take())  # type: ignore[attr-defined]
    claimed = parts.jobs.replace(job, claim(job, "worker-1", parts.clock(), 10.0))
    dispatch(parts)
    return claimed


def test_messages_go_to_the_queue_of_their_priority(parts: Parts) -> None:
    for priority in Priority:
        add(parts, priority=priority)
    assert dispatch(parts) == 3
    assert [parts.queue.depth([lane]) for lane in UNNAMED] == [1, 1, 1]
    assert dispatch(parts) == 0


def test_a_tenant_that_floods_the_queue_does_not_delay_anothers_single_job(parts: Parts) -> None:
    for _ in range(1_000):
        add(parts, owner="flood")
    dispatch(parts)
    for _ in range(100):
        take(parts)
    single = add(parts, owner="other")
    position = parts.jobs.positions([single.id])[0]
    dispatch(parts)
    before = [take(parts).owner for _ in range(5)]
    # Only what waited for a worker already: an equal share would have let as many through.
    assert before == ["flood"] * 4 + ["other"]
    assert position == 4


def test_two_tenants_that_flood_have_the_same_share_and_weights_make_it_another(parts: Parts) -> None:
    for _ in range(100):
        add(parts, owner="early")
    dispatch(parts)
    for _ in range(100):
        add(parts, owner="late", weight=2.0)
    taken = [take(parts).owner for _ in range(64)][4:]
    assert (taken.count("early"), taken.count("late")) == (20, 40)


def test_an_urgent_job_passes_all_that_is_less_so(parts: Parts) -> None:
    for _ in range(1_000):
        add(parts, priority=Priority.BULK)
    dispatch(parts)
    urgent = add(parts, priority=Priority.INTERACTIVE)
    dispatch(parts)
    assert take(parts).id == urgent.id


def test_what_cannot_be_sent_is_back_in_line(parts: Parts) -> None:
    jobs = [add(parts) for _ in range(6)]
    parts.queue.down = True  # type: ignore[attr-defined]
    with pytest.raises(JobQueueUnavailable):
        dispatch(parts)
    assert [parts.jobs.get(job.id).enqueued_at for job in jobs] == [None] * 6
    parts.queue.down = False  # type: ignore[attr-defined]
    assert dispatch(parts) == 4
    assert parts.queue.sent == [job.id for job in jobs[:4]]  # type: ignore[attr-defined]


@pytest.mark.parametrize("away", ["queue", "jobs"])
def test_who_leaves_the_rest_to_the_sweeper_only_says_so(parts: Parts, away: str) -> None:
    job = add(parts)
    fake = getattr(parts, away)
    fake.down = True
    with capture_logs() as logs:
        try_dispatch(parts, **job.log_ids())
    assert [(one["event"], one["job_id"], one["log_level"]) for one in logs] == [
        ("dispatch_unanswered", job.id, "warning")
    ]
    fake.down = False
    try_dispatch(parts)
    assert parts.queue.sent == [job.id]  # type: ignore[attr-defined]
