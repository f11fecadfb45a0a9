"""Parts that tell a meter what is asked of them. Whoever uses them does not notice."""

from dataclasses import fields, replace
from typing import Any, Final, TypeVar, cast

from services.shared.errors import Unavailable
from services.shared.job import Job, JobStatus
from services.shared.parts import Parts
from services.shared.ports import HeldDelivery, JobStore, Meter, WebhookStore
from services.shared.telemetry import metrics
from services.shared.telemetry.silent import SilentMeter
from services.shared.telemetry.standing import Standing
from services.shared.webhook import Delivery

Part = TypeVar("Part")

#: Parts that are no calls to the job store, the object store or the queue: all others are, those too that come later.
_NO_STORES: Final = frozenset({"settings", "clock", "outbound", "events", "scanner", "meter", "tracer", "closers"})
#: Of job metrics: those that are histograms of their own, or no seconds.
_NO_STAGES: Final = frozenset({"queue_seconds", "total_seconds", "engine_total_seconds"})


def observed(parts: Parts, meter: Meter, *, language: str | None = None) -> Parts:
    """The same parts, and the meter. `language` is what jobs are spoken in that name none."""
    if isinstance(meter, SilentMeter):
        return parts
    names = [field.name for field in fields(parts) if field.name not in _NO_STORES]
    stores = {name: watched(getattr(parts, name), name, meter) for name in names}
    stores["jobs"] = ObservedJobs(stores["jobs"], meter, parts.settings.served_model, language)
    stores["webhooks"] = ObservedWebhooks(stores["webhooks"], meter)
    return replace(parts, meter=meter, **stores)


def watched(part: Part, name: str, meter: Meter) -> Part:
    """The same part. Calls that it does not answer are counted as `name`'s."""
    return cast("Part", _Watched(part, name, meter))


class _Watched:
    """Stands for a part, whatever its methods are."""

    def __init__(self, part: Any, name: str, meter: Meter) -> None:
        self._part = part
        self._name = name
        self._meter = meter

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._part, name)

        def call(*args: Any, **options: Any) -> Any:
            try:
                return method(*args, **options)
            except Unavailable as error:
                self._meter.count(metrics.STORAGE_ERRORS, part=self._name, error=error.type)
                raise

        return call


class ObservedJobs(Standing):
    """`JobStore`. Every change of a job's state passes through `replace`, and succeeds there once."""

    def __init__(self, jobs: JobStore, meter: Meter, model: str, language: str | None) -> None:
        super().__init__(jobs)
        self._meter = meter
        #: Of jobs that name none.
        self._model = model
        self._language = language or "unknown"

    def replace(self, old: Job, new: Job) -> Job:
        stored: Job = self._part.replace(old, new)
        if stored.status.is_terminal and not old.status.is_terminal:
            self._count_end(stored)
        elif old.status is JobStatus.PROCESSING and stored.status is JobStatus.QUEUED:
            self._meter.count(metrics.JOB_RETRIES, reason="setback" if stored.setbacks > old.setbacks else "unharmed")
        elif old.status is JobStatus.PROCESSING and stored.attempt > old.attempt:
            self._meter.count(metrics.LEASES_LOST)  # Claimed by who found it lapsed, before the sweeper did.
        return stored

    def _count_end(self, job: Job) -> None:
        fault = job.fault.type if job.fault else "none"
        self._meter.count(metrics.JOBS_ENDED, status=str(job.status), fault=fault, model=job.model or self._model)
        if job.output is None:
            return
        if job.input.cache:
            self._meter.count(metrics.RESULT_CACHE, outcome="hit" if job.output.cached else "miss")
        if not job.output.cached:
            self._observe_speech(job, job.output.duration_seconds)

    def _observe_speech(self, job: Job, seconds: float) -> None:
        voice, language = job.input.voice_id or "none", _primary(job.language) or self._language
        self._meter.count(metrics.AUDIO_SECONDS, seconds, tenant=job.owner, voice=voice, language=language)
        took = (job.completed_at or job.created_at) - job.created_at
        priority, model = str(job.priority), job.model or self._model
        self._meter.observe(metrics.JOB_SECONDS, took, priority=priority, model=model)
        if not job.input.stream:
            self._meter.observe(metrics.FIRST_AUDIO_SECONDS, took, streamed="false")
        for name, value in job.metrics.items():
            if name == "queue_seconds":
                self._meter.observe(metrics.QUEUE_SECONDS, value, priority=priority, model=model)
            elif name == "real_time_factor":
                self._meter.observe(metrics.REAL_TIME_FACTOR, value, model=model)
            elif name.endswith("_seconds") and name not in _NO_STAGES:
                self._meter.observe(metrics.STAGE_SECONDS, value, stage=name.removesuffix("_seconds"))


class ObservedWebhooks(Standing):
    """`WebhookStore`. Every try's outcome passes through `settle`."""

    def __init__(self, webhooks: WebhookStore, meter: Meter) -> None:
        super().__init__(webhooks)
        self._meter = meter

    def settle(self, held: HeldDelivery, delivery: Delivery) -> bool:
        settled: bool = self._part.settle(held, delivery)
        attempt = delivery.tries[-1]
        self._meter.count(metrics.WEBHOOK_TRIES, outcome=attempt.outcome)
        self._meter.observe(metrics.WEBHOOK_SECONDS, attempt.seconds)
        if settled and delivery.state != "pending":
            self._meter.count(metrics.WEBHOOKS_ENDED, state=delivery.state)
        return settled


def _primary(language: str | None) -> str:
    """The language alone of a tag such as `de-AT`."""
    return (language or "").split("-")[0].lower()
