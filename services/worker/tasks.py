"""What Celery calls: a name for each use case, and nothing else.

Not shared: Celery would add a shared task to every application of the process, with the first one's use case.
"""

from typing import Any

import structlog
from celery import Celery

from services.shared.adapters.celery_queue import SWEEP_TASK, SYNTHESIZE_TASK, TRACEPARENT
from services.shared.errors import Unavailable
from services.shared.ports import Tracer
from services.worker.sweeper import Sweeper
from services.worker.synthesis import SynthesisRunner

logger = structlog.get_logger(__name__)


def register_synthesis(app: Celery, runner: SynthesisRunner, tracer: Tracer) -> None:
    def synthesize(task: Any, job_id: str) -> None:
        parent = (task.request.headers or {}).get(TRACEPARENT)
        with tracer.span("attempt", kind="consumer", parent=parent, attributes={"timbre.job": job_id}) as span:
            span.set({"timbre.status": str(runner.run(job_id) or "left to others")})

    app.task(synthesize, name=SYNTHESIZE_TASK, bind=True, shared=False)


def register_sweep(app: Celery, sweeper: Sweeper) -> None:
    def sweep() -> None:
        try:
            sweeper.sweep()
        except Unavailable as error:
            logger.warning("sweep_cut_short", reason=error.type)  # The next one goes on where this one ended.

    app.task(sweep, name=SWEEP_TASK, shared=False)
