"""Taking messages from RabbitMQ: one by one, when there is a thread for it, and in turns.

RabbitMQ would push them: from all queues alike, whatever their priority, and into a busy worker's memory as many as it
has threads, where they wait for it while others are idle. So nothing is consumed, in AMQP's sense: queues are asked.
"""

import time
from typing import TYPE_CHECKING, Any, Final

from celery import bootsteps
from celery.worker import state
from kombu.entity import Queue
from kombu.messaging import Consumer

from services.shared.adapters.celery_queue import answering
from services.shared.adapters.queue_turns import PriorityTurns

if TYPE_CHECKING:
    from celery import Celery

#: How often a worker looks whether one of its threads has become free.
_PULSE_SECONDS: Final = 0.02
#: How long it leaves queues alone that were empty: a job that finds workers idle waits half of it.
_IDLE_SECONDS: Final = 0.1


def ask_for_messages(app: "Celery") -> None:
    """Have the workers of this application ask, in place of being pushed to."""
    app.amqp.Consumer = AskingConsumer
    app.steps["consumer"].add(Asking)


class AskingConsumer(Consumer):
    """Queues that are declared as ever, and asked in the order of their turns."""

    def __init__(self, channel: Any, queues: list[Queue], **options: Any) -> None:
        super().__init__(channel, queues, **options)  # type: ignore[no-untyped-call]
        self._count = len(queues)
        self._turns = PriorityTurns(queue.name for queue in queues)

    def consume(self, no_ack: bool | None = None) -> None:
        """Nothing is pushed."""

    def ask(self) -> bool:
        """Receive the next message; whether there was one. Raises the connection's errors."""
        message = self._next()
        if message is None:
            return False
        self._receive_callback(message)  # type: ignore[no-untyped-call]
        return True

    def _next(self) -> Any:
        channel: Any = self.channel
        with answering(self.connection):
            for name in self._turns.consume(self._count):
                message = channel.basic_get(name)
                if message is not None:
                    self._turns.rotate(name)
                    return message
        return None


class Asking(bootsteps.StartStopStep):  # type: ignore[misc] # Celery has no types.
    """Asks for as long as the connection lasts; the event loop forgets it with the connection."""

    requires = ("celery.worker.consumer.tasks:Tasks",)

    def __init__(self, consumer: Any, **options: Any) -> None:
        super().__init__(consumer, **options)
        self._idle_until = 0.0

    def register_with_event_loop(self, consumer: Any, hub: Any) -> None:
        hub.call_repeatedly(_PULSE_SECONDS, self._ask, consumer)

    def _ask(self, consumer: Any) -> None:
        while self._may_take(consumer):
            if not consumer.task_consumer.ask():
                self._idle_until = time.monotonic() + _IDLE_SECONDS

    def _may_take(self, consumer: Any) -> bool:
        # Timers run on while a worker that was told to stop finishes what it has.
        taking = consumer.blueprint.state == bootsteps.RUN and time.monotonic() >= self._idle_until
        return taking and len(state.reserved_requests) < consumer.pool.num_processes
