"""What the API answers about itself, its parts and its workers."""

from datetime import datetime
from typing import Any

from pydantic import Field

from services.api.views.output import Output, moment
from services.shared.job import JobStatus
from services.shared.ports import WorkerBeat


class Health(Output):
    status: str


class PartHealth(Output):
    name: str
    ok: bool
    latency_ms: float
    error: str | None


class Readiness(Output):
    status: str
    parts: list[PartHealth]


class WorkerView(Output):
    worker: str
    started_at: datetime
    slots: int = Field(description="Jobs that it takes at once.")
    info: dict[str, Any]


class DetailedHealth(Output):
    status: str = Field(
        description="`ok`; `degraded`: no worker is ready, or none for one of the models, so that jobs wait; `down`: a "
        "part is away."
    )
    version: str
    uptime_s: float
    model: str | None
    device: str | None
    workers: list[WorkerView] | None
    queue_depth: int | None
    jobs: dict[JobStatus, int] | None
    parts: list[PartHealth]


class Version(Output):
    name: str
    version: str


def worker_view(beat: WorkerBeat) -> WorkerView:
    return WorkerView(worker=beat.worker, started_at=moment(beat.started_at), slots=beat.slots, info=dict(beat.info))
