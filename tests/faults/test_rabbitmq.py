"""RabbitMQ carries the messages, Valkey keeps the records: nothing is lost when it dies, and nobody waits for ever."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.shared.adapters.celery_queue import CeleryJobQueue, create_celery
from services.shared.errors import JobQueueUnavailable
from services.shared.job import JobStatus
from services.shared.lane import Lane
from services.shared.priority import PRIORITIES, Priority
from services.shared.servers import wait_until_answers
from services.shared.testing import make_settings
from tests.rabbitmq import RabbitServer
from tests.stack import Stack, running_stack
from tests.unit.api.client import Client

pytestmark = pytest.mark.faults

#: One job at a time, and lost messages found soon.
QUICK = {"max_concurrency": 1, "sweep_seconds": 0.4, "resend_seconds": 1.5, "lease_seconds": 5, "heartbeat_seconds": 1}


@pytest.fixture
def stack(tmp_path: Path, rabbitmq: str) -> Iterator[Stack]:
    with running_stack(tmp_path, **QUICK, broker_url=rabbitmq, served_model_name="candidate") as stack:
        yield stack


def speak(stack: Stack, **fields: str) -> str:
    """Have a job accepted by the API; its id."""
    answer = Client(stack.parts).speak(**fields)
    assert answer.status_code == 202, answer.text
    return str(answer.json()["job_id"])


def test_jobs_of_every_lane_are_done_and_none_waits_in_a_busy_worker(stack: Stack) -> None:
    worker = stack.worker(step_seconds=0.1)
    long = stack.submit(nfe_step=64)
    stack.until_working(long.id)
    accepted = [speak(stack, priority=priority) for priority in PRIORITIES]
    named = stack.submit(model="candidate", priority=Priority.BULK)
    # Any other worker could take them, were there one.
    lanes = [*(Lane(priority) for priority in PRIORITIES), named.lane]
    assert [stack.parts.queue.depth([lane]) for lane in lanes] == [1, 1, 1, 1]
    Client(stack.parts).post(f"/jobs/{long.id}/cancel")
    for job_id in (*accepted, named.id):
        stack.assert_succeeded_once(stack.until_over(job_id, seconds=60))
    assert stack.parts.queue.depth(lanes) == 0
    worker.send(signal.SIGTERM)
    assert worker.wait(30) == 0


def test_a_killed_broker_loses_no_job(stack: Stack, rabbit_server: RabbitServer) -> None:
    control, worker = stack.control(), stack.worker(step_seconds=0.05, worker_priorities="default")
    bulk = Lane(Priority.BULK)
    for _ in range(2):
        stack.submit(priority=bulk.priority)
    jobs = [stack.submit(nfe_step=16).id for _ in range(4)]
    stack.until_working(jobs[0])
    rabbit_server.kill()
    try:
        # What a worker has is finished, and what nobody can send stays in line.
        assert stack.until_over(jobs[0]).status is JobStatus.SUCCEEDED
        with pytest.raises(JobQueueUnavailable):
            stack.submit()
        jobs.append(stack.submit(sent=False).id)
    finally:
        rabbit_server.start()
    # Messages that nobody took are still there; and who asks does so by a connection that has died since.
    assert stack.parts.queue.depth([bulk]) == 2
    jobs.append(stack.submit().id)
    for job_id in jobs:
        stack.assert_succeeded_once(stack.until_over(job_id, seconds=60))
    assert (control.process.poll(), worker.process.poll()) == (None, None)


def test_a_broker_that_says_nothing_is_one_that_is_away(rabbitmq: str, rabbit_server: RabbitServer) -> None:
    """Also on connections that it took before."""
    with create_celery(make_settings(broker_url=rabbitmq)) as app:
        queue = CeleryJobQueue(app)
        queue.send("job-1")
        rabbit_server.send(signal.SIGSTOP)
        try:
            for call in (queue.ping, lambda: queue.send("job-2")):
                with pytest.raises(JobQueueUnavailable):
                    call()
        finally:
            rabbit_server.send(signal.SIGCONT)
        wait_until_answers(lambda: queue.send("job-3"), retry_on=JobQueueUnavailable)
        # The second one may have arrived after all: messages come at least once.
        assert queue.depth() >= 2


def test_over_tls_as_well(rabbitmq: str, rabbit_server: RabbitServer, monkeypatch: pytest.MonkeyPatch) -> None:
    with create_celery(make_settings(broker_url=rabbit_server.tls_url)) as app:
        queue = CeleryJobQueue(app)
        with pytest.raises(JobQueueUnavailable):
            queue.ping()  # Whoever signed its certificate is nobody known.
        monkeypatch.setenv("SSL_CERT_FILE", str(rabbit_server.certificate))
        wait_until_answers(queue.ping, retry_on=JobQueueUnavailable)
        queue.send("job")
        assert queue.depth() == 1
