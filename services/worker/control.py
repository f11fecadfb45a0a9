"""`python -m services.worker.control`: the process that looks after the jobs. Free of torch."""

import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, Final

import structlog
from celery import Celery, bootsteps
from celery.beat import EmbeddedService, Scheduler

from services.shared.adapters.celery_queue import CONTROL_QUEUE, SWEEP_TASK, create_celery
from services.shared.logging import configure_logging
from services.shared.parts import Parts, connect
from services.shared.settings import Settings, SettingsError, load_settings
from services.shared.telemetry.endpoint import shown
from services.shared.telemetry.instrumented import instrumented
from services.shared.webhook_secrets import WebhookSecrets
from services.worker.deliveries import SLOTS, Deliverer
from services.worker.process import create_process, leave_on_signals
from services.worker.queue_figures import show_queue
from services.worker.retention import Retention
from services.worker.stopping import StopLight
from services.worker.sweeper import Sweeper
from services.worker.tasks import register_sweep
from services.worker.ticker import Ticker

logger = structlog.get_logger("services.worker.control")

#: How soon a webhook is seen to be due.
_PULSE_SECONDS: Final = 0.5


class Beat(bootsteps.StartStopStep):  # type: ignore[misc] # Celery has no types.
    """Celery beat on a thread, with its schedule in memory.

    Celery's own embedded beat is a forked process, which would outlive a killed parent and send sweeps for ever.
    """

    def create(self, worker: Any) -> Any:
        return EmbeddedService(worker.app, thread=True, scheduler_cls=Scheduler)

    def stop(self, _worker: Any) -> None:
        # Without waiting: beat may be deep in asking a broker that is away, and its thread is a daemon.
        self.obj.service.stop(wait=False)

    terminate = stop


def main() -> int:
    leave_on_signals()
    try:
        settings = load_settings()
        configure_logging(settings)
        return run(settings)
    except SettingsError as error:
        sys.stderr.write(f"{error}\n")
        return 2


def run(settings: Settings) -> int:
    """Look after the jobs until told to stop; the process's exit status.

    Raises `SettingsError` where its port cannot be had.
    """
    ready = threading.Event()
    parts = instrumented("control", connect(settings))
    show_queue(parts)
    celery = create_celery(settings)
    register_sweep(celery, Sweeper(parts))
    schedule_sweeps(celery, settings.sweep_seconds)
    celery.steps["worker"].add(Beat)

    def on_ready(_consumer: Any) -> None:
        ready.set()
        logger.info("control_ready")

    process = create_process(
        celery,
        queues=[CONTROL_QUEUE],
        threads=1,
        light=StopLight(0.0, time.monotonic),
        on_ready=on_ready,
    )
    with (
        shown("control", settings, parts.meter, ready.is_set),
        delivering(parts),
        Ticker("retention", settings.sweep_seconds, Retention(parts).enforce),
    ):
        process.start()
    parts.close()
    logger.info("control_stopped")
    return int(process.exitcode or 0)


@contextmanager
def delivering(parts: Parts) -> Iterator[None]:
    """Webhooks go out meanwhile, on threads of their own: no receiver keeps a sweep waiting.

    Those under way at the end are waited for, as long as their receivers may take.
    """
    secret = parts.settings.webhook_secret
    if secret is None:
        yield
        return
    with ThreadPoolExecutor(SLOTS, "webhook") as executor:
        deliverer = Deliverer(parts, WebhookSecrets(secret.get_secret_value(), parts.secrets), executor)
        with Ticker("webhooks", _PULSE_SECONDS, deliverer.start_due):
            yield


def schedule_sweeps(celery: Celery, seconds: float) -> None:
    """A sweep that nobody could take in time is dropped: the next one does the same work."""
    celery.conf.beat_schedule = {
        "sweep": {
            "task": SWEEP_TASK,
            "schedule": seconds,
            "options": {"queue": CONTROL_QUEUE, "expires": 2 * seconds},
        }
    }


if __name__ == "__main__":
    sys.exit(main())
