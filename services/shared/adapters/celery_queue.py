"""Jobs on their way to workers, through Celery on Redis, Valkey or RabbitMQ."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from celery import Celery
from kombu.entity import Queue
from kombu.exceptions import ChannelError, OperationalError
from kombu.exceptions import ConnectionError as AmqpConnectionError

from services.shared.adapters.queue_turns import PriorityTurns, queue_of
from services.shared.errors import JobQueueUnavailable
from services.shared.lane import UNNAMED, USUAL, Lane, lanes_of
from services.shared.settings import Settings

CONTROL_QUEUE = "control"
SYNTHESIZE_TASK = "timbre.synthesize"
SWEEP_TASK = "timbre.sweep"
#: The message's header by which a trace goes on.
TRACEPARENT = "traceparent"

#: How long a broker may take for an answer.
ANSWER_SECONDS = 3

#: AMQP's reply to a question about a queue that nobody declared; kombu gives it for Redis too.
_NOT_FOUND = 404


def create_celery(settings: Settings) -> Celery:
    """The Celery application that every process of ours shares by configuration, not by object. Connects later.

    Messages are acknowledged before they are worked on: whether a job is done is told by its record and lease,
    so a message that dies with its worker is sent again by the sweeper, long before a broker would.
    """
    broker = _verified((settings.broker_url or settings.redis_url).get_secret_value())
    app = Celery("timbre", broker=broker, set_as_current=False)
    app.conf.update(_messages(settings) | _connections(broker) | _worker(broker))
    return app


class CeleryJobQueue:
    """`JobQueue` on a Celery application. Thread-safe: connections come from its pools."""

    def __init__(self, app: Celery) -> None:
        self._app = app
        self._queue = Queue if is_redis(app.conf.broker_url) else _Redeclared

    def send(self, job_id: str, lane: Lane = USUAL, *, traceparent: str | None = None) -> None:
        headers = {TRACEPARENT: traceparent} if traceparent else None
        queue = _queue(queue_of(lane), self._queue)
        with _queue_errors(self._app):
            self._app.send_task(
                SYNTHESIZE_TASK, args=[job_id], queue=queue, headers=headers, confirm_timeout=ANSWER_SECONDS
            )

    def depth(self, lanes: Iterable[Lane] = UNNAMED) -> int:
        queues = [queue_of(lane) for lane in lanes]
        with _queue_errors(self._app), self._app.pool.acquire(block=True, timeout=5) as connection:
            # One that died in the pool comes back closed, and would not open by itself.
            connection.connect()
            try:
                return _all_waiting(connection, queues)
            except TimeoutError:
                connection.collect()  # Else the next one who asks would have the answer to this.
                raise
            except (OSError, AmqpConnectionError):
                # RabbitMQ's client notices only now.
                connection.collect()
                connection.connect()
                return _all_waiting(connection, queues)

    def ping(self) -> None:
        self.depth()


class _Redeclared(Queue):
    """Declared anew with every message. RabbitMQ confirms what it then drops: a message to a queue that is not there.

    Whoever sends would not notice that a queue which it declared once was deleted since.
    """

    can_cache_declaration = False


@contextmanager
def answering(connection: Any) -> Iterator[None]:
    """RabbitMQ's client waits for answers without end unless told; Redis's is told by its options.

    Raises one of the connection's errors where there was none in time.
    """
    if connection.transport.driver_type != "amqp":
        yield
        return
    with connection.connection.transport.having_timeout(ANSWER_SECONDS):
        yield


def _all_waiting(connection: Any, queues: Iterable[str]) -> int:
    with answering(connection), connection.channel() as channel:
        return sum(_waiting(channel, queue) for queue in queues)


def _waiting(channel: Any, queue: str) -> int:
    """How many messages wait; asking leaves the queue as it is."""
    try:
        return int(channel.queue_declare(queue, passive=True).message_count)
    except ChannelError as error:
        # Redis has no empty queues: one without messages is not there. RabbitMQ's is declared by who sends or takes.
        if int(error.reply_code) != _NOT_FOUND:
            raise
        return 0


def _verified(broker: str) -> str:
    """The broker's URL, made to check certificates: over `rediss` kombu believes any server unless told not to."""
    if not broker.startswith("rediss://") or "ssl_cert_reqs=" in broker:
        return broker
    return f"{broker}{'&' if '?' in broker else '?'}ssl_cert_reqs=required"


def _tls(broker: str) -> dict[str, str] | None:
    """For `amqps`: the name that has to stand in the certificate. Told nothing, AMQP's client believes any."""
    parts = urlsplit(broker)
    return {"server_hostname": parts.hostname} if parts.scheme == "amqps" and parts.hostname else None


def is_redis(broker: str) -> bool:
    return broker.startswith(("redis", "rediss", "sentinel"))


def _queue(name: str, kind: type[Queue] = Queue) -> Queue:
    return kind(name, routing_key=name)


def _messages(settings: Settings) -> dict[str, Any]:
    # What may be consumed. Sending to other models' queues declares those.
    consumed = map(queue_of, lanes_of([None, settings.served_model]))
    return {
        "task_queues": [_queue(name) for name in (*consumed, CONTROL_QUEUE)],
        "task_default_queue": queue_of(USUAL),
        "task_create_missing_queues": False,
        "task_routes": {SWEEP_TASK: {"queue": CONTROL_QUEUE}},
        "task_serializer": "json",
        "accept_content": ["json"],
        "result_backend": None,
        "task_ignore_result": True,
        "task_acks_late": False,
    }


def _connections(broker: str) -> dict[str, Any]:
    """A sender learns of an outage within seconds; a consumer waits for its end for as long as it takes."""
    shared = {
        "broker_connection_timeout": 2,
        "broker_connection_retry": True,
        "broker_connection_retry_on_startup": True,
        "broker_connection_max_retries": None,
        "task_publish_retry": True,
        "task_publish_retry_policy": {"max_retries": 1, "interval_start": 0, "interval_step": 0.1, "interval_max": 0.1},
    }
    if not is_redis(broker):
        return shared | {"broker_transport_options": {"confirm_publish": True}, "broker_use_ssl": _tls(broker)}
    options = {
        "socket_connect_timeout": 2,
        "socket_timeout": ANSWER_SECONDS,
        "socket_keepalive": True,
        "health_check_interval": 10,
        # A message is its taker's at once. Noting in Redis who has it, and for how long, takes longer than taking it.
        "ack_emulation": False,
        "queue_order_strategy": f"{PriorityTurns.__module__}:{PriorityTurns.__qualname__}",
    }
    return shared | {"broker_transport_options": options}


def _worker(broker: str) -> dict[str, Any]:
    return {
        # A message waits in the broker, where any worker can take it, not in the memory of a busy one. RabbitMQ is
        # asked for each.
        "worker_prefetch_multiplier": 1,
        "worker_disable_prefetch": is_redis(broker),
        "worker_cancel_long_running_tasks_on_connection_loss": False,
        "worker_enable_remote_control": False,
        "worker_send_task_events": False,
        "worker_hijack_root_logger": False,
        "worker_redirect_stdouts": False,
    }


@contextmanager
def _queue_errors(app: Celery) -> Iterator[None]:
    try:
        yield
    except _broker_errors(app) as error:
        raise JobQueueUnavailable("The queue does not answer.") from error


def _broker_errors(app: Celery) -> tuple[type[Exception], ...]:
    """Made of a connection, which takes a while: for when there was an error."""
    transport = app.connection_for_write().transport
    return (OperationalError, *transport.connection_errors, *transport.channel_errors)
