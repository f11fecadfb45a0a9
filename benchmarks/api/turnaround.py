"""From a request's first byte to its audio, through API, queue, worker and stores: all but the engine's own time."""

import io
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from time import perf_counter
from typing import Final

from benchmarks.api.parts import Bar, Options, PartResult
from benchmarks.api.stack import Stack
from benchmarks.api.wire import Client, Form
from benchmarks.engine.spread import Spread, percentile
from benchmarks.engine.tables import Table, seconds, spread
from services.api.uploads.spool import BINARY
from services.shared.job import Job, JobStatus, new_id, output_key, reference_key
from services.shared.parts import Parts
from services.shared.ports import BlobStore

_JOBS: Final = 10
_WARM_UPS: Final = 3


@dataclass(frozen=True)
class Turnaround:
    """Seconds of one job."""

    #: From sending the request to having the audio, as the client sees it.
    seen: float
    #: From sending the request to the job's success, as the worker wrote it down.
    succeeded: float
    engine: float
    #: What the worker noted, by stage.
    stages: dict[str, float]
    #: What the object store takes for as much as the job stores and fetches, right after it and with nothing around.
    store: dict[str, float]

    @classmethod
    def of(cls, sent_at: float, seen: float, job: Job, store: dict[str, float]) -> "Turnaround":
        """Of a job that succeeded. `sent_at` is in seconds since the epoch, by the clock of the same machine."""
        assert job.status is JobStatus.SUCCEEDED, f"the job is {job.status}"
        assert job.completed_at is not None, "a job that succeeded has ended"
        stages = {name: value for name, value in job.metrics.items() if name.endswith("_seconds")}
        return cls(seen, job.completed_at - sent_at, job.metrics["engine_total_seconds"], stages, store)

    @property
    def added(self) -> float:
        return self.seen - self.engine

    @property
    def added_to_success(self) -> float:
        return self.succeeded - self.engine


def measure(stack: Stack, options: Options) -> PartResult:
    deployment = stack.deployment()
    form = Form.make()
    with deployment.control(), deployment.worker(), deployment.api() as url, deployment.parts() as parts:
        client = Client(url)
        try:
            for _ in range(_WARM_UPS):
                client.speak(form)
            jobs = options.count(_JOBS, quick=3)
            found = [_speak(client, form, parts) for _ in options.each_round() for _ in range(jobs)]
        finally:
            client.close()
    return report(found)


def report(found: list[Turnaround]) -> PartResult:
    data = {"jobs": [asdict(one) for one in found]}
    added = 1000 * _median([one.added_to_success for one in found])
    bar = Bar("added to the engine's time, until the job succeeded", added, 25, " ms")
    return PartResult([_times(found), _stages(found), _store(found)], data, bar)


def _times(found: list[Turnaround]) -> Table:
    samples = {
        "sent to succeeded": [one.succeeded for one in found],
        "sent to audio, at the client": [one.seen for one in found],
        "the engine's own": [one.engine for one in found],
        "added until succeeded": [one.added_to_success for one in found],
        "added until the client has the audio": [one.added for one in found],
    }
    rows = [(name, spread(Spread.of(each)), seconds(percentile(each, 95))) for name, each in samples.items()]
    note = f"{len(found)} jobs, one after another, with the tone engine; the client waits by `Prefer: wait`."
    return Table("From request to audio", ("time", "median", "P95"), rows, note)


def _stages(found: list[Turnaround]) -> Table:
    names = list(found[0].stages)
    rows = [(name.removesuffix("_seconds"), spread(Spread.of([one.stages[name] for one in found]))) for name in names]
    return Table("Where the worker spends it", ("stage", "median"), rows, "`synthesis` holds the engine's stages.")


def _store(found: list[Turnaround]) -> Table:
    rows = [(name, spread(Spread.of([one.store[name] for one in found]))) for name in found[0].store]
    rows.append(("together", spread(Spread.of([sum(one.store.values()) for one in found]))))
    return Table(
        "The object store by itself", ("what a job asks of it", "median"), rows, "One after another, in turns."
    )


def _speak(client: Client, form: Form, parts: Parts) -> Turnaround:
    sent_at, sent = time.time(), perf_counter()
    answer = client.speak(form)
    seen = perf_counter() - sent
    return Turnaround.of(sent_at, seen, parts.jobs.get(answer.job_id), _store_alone(parts.blobs, form, answer.body))


def _store_alone(blobs: BlobStore, form: Form, audio: bytes) -> dict[str, float]:
    """A form is about as large as the recording in it."""
    job_id = new_id(time.time())
    reference, output = reference_key(job_id), output_key(job_id, 1, "wav")
    return {
        "reference stored": _timed(lambda: blobs.put(reference, io.BytesIO(form.body), len(form.body), BINARY)),
        "reference fetched": _timed(lambda: blobs.get(reference)),
        "audio stored": _timed(lambda: blobs.put(output, io.BytesIO(audio), len(audio), "audio/wav; codecs=1")),
    }


def _timed(call: Callable[[], object]) -> float:
    started = perf_counter()
    call()
    return perf_counter() - started


def _median(samples: list[float]) -> float:
    return Spread.of(samples).median
