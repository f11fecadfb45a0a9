"""The real stores, queue and processes, with an engine that only waits: what a job costs, and how few workers scale."""

import io
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from typing import Any, Final

import psutil

from benchmarks.api.stack import Deployment, Stack
from benchmarks.api.wire import Client, Form
from benchmarks.scale.costs import Costs
from f5_tts_core.testing import speech_like, wav_bytes
from services.shared.adapters.redis_client import connect_redis
from services.shared.dispatch import dispatch
from services.shared.job import Job, JobStatus
from services.shared.parts import Parts
from services.shared.testing import make_job

_STEPS: Final = 16
#: Seconds a solver step: jobs of half a second, and of two.
_QUICK: Final = 0.03
_SLOW: Final = 0.125
_REFERENCE: Final = wav_bytes(speech_like(5.0))
_SUBMISSIONS: Final = 100
_PATIENCE_SECONDS: Final = 300.0


@dataclass(frozen=True)
class Run:
    """Jobs that were there from the start, done by so many workers of one slot. Seconds, summed up over the jobs."""

    workers: int
    jobs: int
    #: From the first job's start to the last one's end.
    span: float
    speaking: float
    store_cpu: float
    blobs_cpu: float
    worker_cpu: float

    @property
    def jobs_a_second(self) -> float:
        return self.jobs / self.span

    @property
    def between(self) -> float:
        """A worker's seconds a job that it does not speak."""
        return (self.span * self.workers - self.speaking) / self.jobs


def measure(stack: Stack, fleets: Sequence[int], jobs: int) -> tuple[Costs, list[Run]]:
    """What a job costs, and a run for each number of workers; `jobs` are done by each worker."""
    runs = [_run(stack, workers, jobs, _QUICK) for workers in fleets]
    quick, slow = runs[0], _run(stack, 1, jobs, _SLOW)
    store_job, store_second = _split(quick, slow, lambda run: run.store_cpu)
    blobs_job, _idle = _split(quick, slow, lambda run: run.blobs_cpu)
    worker_job, _idle = _split(quick, slow, lambda run: run.worker_cpu)
    return Costs(quick.between, store_job, store_second, blobs_job, worker_job, _submission(stack)), runs


def _split(quick: Run, slow: Run, cpu: Callable[[Run], float]) -> tuple[float, float]:
    """What a job takes, and what a second takes, by two runs of as many jobs that took less and more time."""
    second = max(0.0, cpu(slow) - cpu(quick)) / (slow.span - quick.span)
    return max(0.0, cpu(quick) - second * quick.span) / quick.jobs, second


def as_data(runs: Sequence[Run]) -> list[dict[str, Any]]:
    return [{**asdict(run), "jobs_a_second": run.jobs_a_second} for run in runs]


def _run(stack: Stack, workers: int, each: int, step_seconds: float) -> Run:
    deployment = stack.deployment(TONE_STEP_SECONDS=str(step_seconds), MAX_CONCURRENCY="1", RESULT_CACHE="false")
    with ExitStack() as opened:
        parts = opened.enter_context(deployment.parts())
        for _ in range(workers):
            opened.enter_context(deployment.worker())
        before = _used(deployment)
        done = _until_done(parts, [_submit(parts) for _ in range(workers * each)])
        after = _used(deployment)
    span = max(job.completed_at or 0.0 for job in done) - min(job.started_at or 0.0 for job in done)
    speaking = sum(job.metrics["synthesis_seconds"] for job in done)
    return Run(workers, len(done), span, speaking, *(end - start for start, end in zip(before, after, strict=True)))


def _submit(parts: Parts) -> str:
    """What the API does."""
    job = make_job(created_at=time.time(), nfe_step=_STEPS)
    parts.blobs.put(job.input.reference_key, io.BytesIO(_REFERENCE), len(_REFERENCE), "audio/wav")
    parts.jobs.add(job)
    dispatch(parts)
    return job.id


def _until_done(parts: Parts, ids: Sequence[str]) -> list[Job]:
    """Asks seldom: to ask costs the store as well."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while True:
        jobs = [parts.jobs.get(job_id) for job_id in ids[-1:]]
        if all(job.status.is_terminal for job in jobs):
            jobs = [parts.jobs.get(job_id) for job_id in ids]
        if len(jobs) == len(ids) and all(job.status.is_terminal for job in jobs):
            assert all(job.status is JobStatus.SUCCEEDED for job in jobs), "all succeed"
            return jobs
        assert time.monotonic() < deadline, f"{len(ids)} jobs are not done in {_PATIENCE_SECONDS:g} s"
        time.sleep(0.2)


def _submission(stack: Stack) -> float:
    """Seconds of a core that the API takes for a job."""
    deployment, form = stack.deployment(), Form.make()
    with deployment.api() as url:
        client = Client(url)
        try:
            client.post(form)
            before = _cpu("services.api.main")
            for _ in range(_SUBMISSIONS):
                client.post(form)
            return (_cpu("services.api.main") - before) / _SUBMISSIONS
        finally:
            client.close()


def _used(deployment: Deployment) -> tuple[float, float, float]:
    """Seconds of a core that Valkey, the object store and all workers have taken so far."""
    with connect_redis(deployment.settings.redis_url.get_secret_value()) as client:
        used: Any = client.info("cpu")
    return used["used_cpu_user"] + used["used_cpu_sys"], _cpu("weed"), _cpu("services.worker.main")


def _cpu(name: str) -> float:
    """Of all processes that we started and that have this in their command."""
    ours = [child for child in psutil.Process().children() if any(name in word for word in child.cmdline())]
    return sum(sum(child.cpu_times()[:2]) for child in ours)
