"""What Celery calls: a name for each use case, and nothing else.

Not shared: Celery would add a shared task to every application of the process, with the first one's use case.
"""

import structlog
from celery import Celery

from services.shared.adapters.celery_queue import SWEEP_TASK, SYNTHESIZE_TASK
from services.shared.errors import Unavailable
from services.worker.sweeper import Sweeper
from services.worker.synthesis import SynthesisRunner

logger = structlog.get_logger(__name__)


def register_synthesis(app: Celery, runner: SynthesisRunner) -> None:
    def synthesize(job_id: str) -> None:
        runner.run(job_id)

    app.task(synthesize, name=SYNTHESIZE_TASK, shared=False)


def register_sweep(app: Celery, sweeper: Sweeper) -> None:
    def sweep() -> None:
        try:
            sweeper.sweep()
        except Unavailable as error:
            logger.warning("sweep_cut_short", reason=error.type)  # The next one goes on where this one ended.

    app.task(sweep, name=SWEEP_TASK, shared=False)
