"""A Celery worker as this project runs it: threads, our logging, our signals, and quick to come back to its broker."""

import logging
import signal
import sys
import warnings
from collections.abc import Callable
from types import FrameType
from typing import TYPE_CHECKING, Any, Final

from celery import bootsteps, signals
from celery.apps.worker import Worker
from celery.platforms import SecurityWarning
from celery.worker import state
from celery.worker.consumer import Consumer

from services.shared.adapters.celery_queue import is_redis
from services.worker.asking import ask_for_messages
from services.worker.stopping import StopLight

if TYPE_CHECKING:
    from celery import Celery

logger = logging.getLogger(__name__)

#: How often the event loop looks up: a thread that has become free, or a stop, is seen this soon.
_PULSE_SECONDS: Final = 0.02
_RECONNECT_SECONDS: Final = 0.5
_STOP_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class PersistentConsumer(Consumer):  # type: ignore[misc] # Celery has no types.
    """Asks an absent broker every half a second, without end; Celery's own waits grow to half a minute."""

    def ensure_connected(self, conn: Any) -> Any:
        connected = conn.ensure_connection(
            self._log_refusal,
            interval_start=_RECONNECT_SECONDS,
            interval_step=0,
            interval_max=_RECONNECT_SECONDS,
            callback=state.maybe_shutdown,
        )
        self.first_connection_attempt = False
        return connected

    def _log_refusal(self, error: Exception, _interval: float) -> None:
        logger.warning("The broker does not answer (%s); asking again.", type(error).__name__)


class Pulse(bootsteps.StartStopStep):  # type: ignore[misc] # Celery has no types.
    """Wakes the event loop, which sleeps up to a second otherwise: nothing tells it that a thread became free."""

    def register_with_event_loop(self, _worker: Worker, hub: Any) -> None:
        hub.call_repeatedly(_PULSE_SECONDS, lambda: None)


class Process(Worker):  # type: ignore[misc] # Celery has no types.
    """Queues, worked on by threads until a signal asks for the end.

    The first signal stops the taking of messages and lets running tasks finish; the second tells them, through the
    light, to hurry. Either way `start` returns when the last one is done, and `exitcode` is 0.
    """

    light: StopLight

    def install_platform_tweaks(self, _worker: Worker) -> None:
        """Our signals in place of Celery's, whose second one abandons running tasks."""
        for number in _STOP_SIGNALS:
            signal.signal(number, self._on_signal)

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        state.should_stop = 0
        self.light.stop()


def create_process(
    app: "Celery", *, queues: list[str], threads: int, light: StopLight, on_ready: Callable[[Any], None]
) -> Process:
    """A worker that is ready to `start`. `on_ready` is called once, when messages may come."""
    signals.setup_logging.connect(_keep_our_logging)
    # Celery warns of root because of pickles, which this application does not read.
    warnings.filterwarnings("ignore", category=SecurityWarning)
    adapt(app)
    process = Process(
        app=app,
        queues=queues,
        concurrency=threads,
        pool="threads",
        consumer_cls=PersistentConsumer,
        ready_callback=on_ready,
        quiet=True,
        without_gossip=True,
        without_mingle=True,
        without_heartbeat=True,
    )
    process.light = light
    return process


def adapt(app: "Celery") -> None:
    """Have this application's workers take messages as we want them to."""
    app.steps["worker"].add(Pulse)
    app.conf.worker_enable_prefetch_count_reduction = False
    if not is_redis(app.conf.broker_url):
        ask_for_messages(app)


def leave_on_signals() -> None:
    """Until there is work to finish, a signal is simply the end: a clean one, in the midst of loading a model too."""
    for number in _STOP_SIGNALS:
        signal.signal(number, lambda _number, _frame: sys.exit(0))


def _keep_our_logging(**_: object) -> None:
    """A receiver is all it takes to keep Celery from setting up its own. It says too much, too: one line a message."""
    for name in ("celery.beat", "celery.worker.strategy", "celery.app.trace"):
        logging.getLogger(name).setLevel(logging.WARNING)
