"""A real Celery worker takes what `CeleryJobQueue` sends, whatever the broker."""

import queue
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager

import pytest
from celery import Celery
from celery.contrib.testing.worker import start_worker

from services.shared.adapters.celery_queue import SYNTHESIZE_TASK, CeleryJobQueue, create_celery
from services.shared.adapters.queue_turns import queue_of
from services.shared.lane import UNNAMED, USUAL, Lane, lanes_of
from services.shared.priority import PRIORITIES, Priority
from services.shared.testing import make_settings
from services.worker.process import adapt


@pytest.fixture(params=["valkey", "rabbitmq", "quorum"])
def broker(request: pytest.FixtureRequest) -> str:
    """The URL of an empty one."""
    if request.param == "valkey":
        request.getfixturevalue("empty_valkey")
    return str(request.getfixturevalue(request.param))


@pytest.fixture
def app(broker: str) -> Iterator[Celery]:
    with create_celery(make_settings(broker_url=broker)) as app:
        yield app


def _working(app: Celery, *priorities: Priority) -> AbstractContextManager[object]:
    return _taking(app, lanes_of([None], priorities or PRIORITIES))


def _taking(app: Celery, lanes: Iterable[Lane]) -> AbstractContextManager[object]:
    adapt(app)
    queues = [queue_of(lane) for lane in lanes]
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
            jobs.send(priority, Lane(priority))
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
            jobs.send(priority, Lane(priority))
    with _working(app, Priority.DEFAULT, Priority.BULK):
        found = sorted(seen.get(timeout=15) for _ in range(4))
    assert found == ["bulk", "bulk", "default", "default"]
    assert [jobs.depth([lane]) for lane in UNNAMED] == [2, 0, 0]


def test_a_worker_takes_what_names_its_model_and_what_names_none(broker: str) -> None:
    sent = [USUAL, Lane(model="base"), Lane(model="candidate"), Lane(Priority.BULK, "candidate")]
    with create_celery(make_settings(broker_url=broker)) as sender:
        jobs = CeleryJobQueue(sender)
        for lane in sent:
            jobs.send(lane.name, lane)
        assert _taken(broker, "candidate", 3) == ["bulk@candidate", "default", "default@candidate"]
        assert [jobs.depth([lane]) for lane in sent] == [0, 1, 0, 0]
        assert _taken(broker, "base", 1) == ["default@base"]


def _taken(broker: str, model: str, count: int) -> list[str]:
    """What a worker that serves this model takes."""
    seen: queue.Queue[str] = queue.Queue()
    settings = make_settings(broker_url=broker, served_model_name=model)
    with create_celery(settings) as app:
        app.task(name=SYNTHESIZE_TASK, shared=False)(seen.put)
        with _taking(app, settings.taken_lanes):
            found = sorted(seen.get(timeout=15) for _ in range(count))
    assert seen.empty()
    return found
