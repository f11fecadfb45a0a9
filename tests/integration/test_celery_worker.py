"""A real Celery worker takes what `CeleryJobQueue` sends."""

import queue
from collections.abc import Iterator

import pytest
from celery import Celery
from celery.contrib.testing.worker import start_worker
from redis import Redis

from services.shared.adapters.celery_queue import SYNTHESIZE_TASK, CeleryJobQueue, create_celery
from services.shared.testing import make_settings


@pytest.fixture
def app(valkey: str, empty_valkey: Redis) -> Iterator[Celery]:
    with create_celery(make_settings(redis_url=valkey)) as app:
        yield app


def test_what_is_sent_is_worked_on_once(app: Celery) -> None:
    seen: queue.Queue[str] = queue.Queue()
    app.task(name=SYNTHESIZE_TASK, shared=False)(seen.put)
    jobs = CeleryJobQueue(app)
    for number in range(5):
        jobs.send(f"job-{number}")
    with start_worker(app, pool="solo", perform_ping_check=False, queues=["synthesis"], loglevel="ERROR"):
        found = {seen.get(timeout=15) for _ in range(5)}
    assert found == {f"job-{number}" for number in range(5)}
    assert jobs.depth() == 0
    assert seen.empty()
