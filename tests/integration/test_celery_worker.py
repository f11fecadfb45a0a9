"""A real Celery worker takes what `CeleryJobQueue` sends."""

import queue
from collections.abc import Iterator
from contextlib import AbstractContextManager

import pytest
from celery import Celery
from celery.contrib.testing.worker import start_worker
from redis import Redis

from services.shared.adapters.celery_queue import SYNTHESIZE_TASK, CeleryJobQueue, create_celery
from services.shared.adapters.queue_turns import QUEUES
from services.shared.priority import PRIORITIES, Priority
from services.shared.testing import make_settings


@pytest.fixture
def app(valkey: str, empty_valkey: Redis) -> Iterator[Celery]:
    with create_celery(make_settings(redis_url=valkey)) as app:
        yield app


def _working(app: Celery, *priorities: Priority) -> AbstractContextManager[object]:
    queues = [QUEUES[priority] for priority in priorities or PRIORITIES]
    return start_worker(app, pool="solo", perform_ping_check=False, queues=queues, loglevel="ERROR")


def test_what_is_sent_is_worked_on_once(app: Celery) -> None:
    seen: queue.Queue[str] = queue.Queue()
    app.task(name=SYNTHESIZE_TASK, shared=False)(seen.put)
    jobs = CeleryJobQueue(app)
    for number in range(5):
        jobs.send(f"job-{number}")
    with _working(app):
        found = {seen.get(timeout=15) for _ in range(5)}
    assert found == {f"job-{number}" for number in range(5)}
    assert jobs.depth() == 0
    assert seen.empty()


def test_urgent_messages_come_first_and_bulk_has_its_turns(app: Celery) -> None:
    seen: queue.Queue[str] = queue.Queue()
    app.task(name=SYNTHESIZE_TASK, shared=False)(seen.put)
    jobs = CeleryJobQueue(app)
    for priority in reversed(PRIORITIES):
        for _ in range(10):
            jobs.send(priority, priority)
    with _working(app):
        order = [seen.get(timeout=15) for _ in range(30)]
    # Taken before the worker knew of all its queues, the first few may be of any.
    later = order[5:15]
    assert later.count(Priority.INTERACTIVE) > later.count(Priority.DEFAULT) >= later.count(Priority.BULK) >= 1


def test_a_worker_for_some_priorities_leaves_the_others_messages(app: Celery) -> None:
    seen: queue.Queue[str] = queue.Queue()
    app.task(name=SYNTHESIZE_TASK, shared=False)(seen.put)
    jobs = CeleryJobQueue(app)
    for priority in PRIORITIES:
        for _ in range(2):
            jobs.send(priority, priority)
    with _working(app, Priority.DEFAULT, Priority.BULK):
        found = sorted(seen.get(timeout=15) for _ in range(4))
    assert found == ["bulk", "bulk", "default", "default"]
    assert [jobs.depth(priority) for priority in PRIORITIES] == [2, 0, 0]
