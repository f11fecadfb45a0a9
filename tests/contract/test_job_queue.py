"""What every `JobQueue` must do."""

from collections.abc import Iterator

import pytest
from amqp import PreconditionFailed
from redis import Redis

from services.shared.adapters.celery_queue import CeleryJobQueue, create_celery
from services.shared.errors import JobQueueUnavailable
from services.shared.lane import UNNAMED, Lane
from services.shared.ports import JobQueue
from services.shared.priority import Priority
from services.shared.testing import MemoryJobQueue, make_settings


# The last two are one RabbitMQ with queues of either kind.
@pytest.fixture(params=["memory", "valkey", "rabbitmq", "quorum"])
def queue(request: pytest.FixtureRequest) -> Iterator[JobQueue]:
    if request.param == "memory":
        yield MemoryJobQueue()
        return
    broker = request.getfixturevalue(request.param)
    if request.param == "valkey":
        request.getfixturevalue("empty_valkey")
    with create_celery(make_settings(broker_url=broker)) as app:
        yield CeleryJobQueue(app)


def test_an_untouched_queue_is_empty(queue: JobQueue) -> None:
    queue.ping()
    assert queue.depth() == 0


def test_depth_counts_what_was_sent(queue: JobQueue) -> None:
    for number in range(3):
        queue.send(f"job-{number}")
    assert queue.depth() == 3
    assert queue.depth() == 3


def test_each_priority_has_a_queue_of_its_own(queue: JobQueue) -> None:
    queue.send("job-1", Lane(Priority.BULK))
    queue.send("job-2", Lane(Priority.BULK))
    queue.send("job-3", Lane(Priority.INTERACTIVE))
    assert [queue.depth([lane]) for lane in UNNAMED] == [1, 0, 2]
    assert queue.depth() == 3


def test_a_model_that_is_named_has_queues_of_its_own(queue: JobQueue) -> None:
    """Also one that nobody declared: the process that sends knows it from the job alone."""
    urgent, usual = Lane(Priority.INTERACTIVE, "candidate"), Lane(Priority.DEFAULT, "candidate")
    queue.send("job-1", urgent)
    queue.send("job-2", usual)
    queue.send("job-3", usual)
    queue.send("job-4")
    assert [queue.depth([lane]) for lane in (urgent, usual, Lane(Priority.BULK, "candidate"))] == [1, 2, 0]
    assert queue.depth() == 1
    assert queue.depth([*UNNAMED, urgent, usual]) == 4


def test_the_same_job_may_be_sent_twice(queue: JobQueue) -> None:
    queue.send("job")
    queue.send("job")
    assert queue.depth() == 2


def test_a_memory_that_is_away() -> None:
    queue = MemoryJobQueue()
    queue.down = True
    _assert_down(queue)


@pytest.mark.parametrize("broker", ["redis://127.0.0.1:1/0", "amqp://127.0.0.1:1//"])
def test_a_broker_that_is_away(broker: str) -> None:
    with create_celery(make_settings(broker_url=broker)) as app:
        _assert_down(CeleryJobQueue(app))


@pytest.mark.parametrize(("right", "wrong"), [("timbre:", "nobody:"), ("%40rd@", "%40rds@"), ("spoken", "written")])
def test_a_rabbitmq_that_refuses_us(rabbitmq: str, right: str, wrong: str) -> None:
    """User, password and virtual host are what the URL says."""
    assert right in rabbitmq
    with create_celery(make_settings(broker_url=rabbitmq.replace(right, wrong))) as app:
        _assert_down(CeleryJobQueue(app))


def _assert_down(queue: JobQueue) -> None:
    for call in (queue.ping, queue.depth, lambda: queue.send("job")):
        with pytest.raises(JobQueueUnavailable):
            call()


def test_a_queue_that_somebody_deletes_is_there_again_for_the_next_message(rabbitmq: str) -> None:
    with create_celery(make_settings(broker_url=rabbitmq)) as app:
        queue = CeleryJobQueue(app)
        queue.send("job-1")
        with app.connection_for_write() as connection, connection.channel() as channel:
            channel.queue_delete("synthesis")
        assert queue.depth() == 0
        queue.send("job-2")
        assert queue.depth() == 1


def test_what_kind_a_queue_is_of_says_its_virtual_host(rabbitmq: str, quorum: str) -> None:
    for broker, other in ((rabbitmq, "quorum"), (quorum, "classic")):
        with create_celery(make_settings(broker_url=broker)) as app:
            CeleryJobQueue(app).send("job")
            with app.connection_for_write() as connection, pytest.raises(PreconditionFailed):
                connection.channel().queue_declare("synthesis", arguments={"x-queue-type": other}, durable=True)


def test_messages_carry_the_id_and_nothing_else(empty_valkey: Redis, valkey: str) -> None:
    with create_celery(make_settings(redis_url=valkey)) as app:
        CeleryJobQueue(app).send("job-1")
        with app.connection_for_read() as connection, connection.SimpleQueue("synthesis") as taken:
            message = taken.get(timeout=5)
            message.ack()
    assert message.headers["task"] == "timbre.synthesize"
    assert message.payload[:2] == [["job-1"], {}]
