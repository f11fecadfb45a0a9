"""A cluster in simulated time. The stores in memory, the line, the queue and the lease are the product's own, so that
what is simulated is its rules; only the work is made up.
"""

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any, Final

import simpy

from benchmarks.scale.costs import Costs
from services.shared.dispatch import dispatch
from services.shared.job import JobOutput, output_key, succeed
from services.shared.pace import speech_seconds
from services.shared.testing import START, MemoryJobQueue, make_job, memory_parts
from services.worker.claiming import take

Process = Generator[simpy.Event, Any, None]

#: Ended records go soon: nobody reads them, and stores in memory look at each.
_RECORD_SECONDS: Final = 5


@dataclass(frozen=True)
class Done:
    """A job that was spoken. Seconds since the beginning."""

    #: Whose it is in the report.
    label: str
    created: float
    started: float
    ended: float

    @property
    def wait(self) -> float:
        return self.started - self.created


class Cluster:
    """Workers of one slot each, which take `real_time_factor` seconds for a second of speech."""

    def __init__(self, costs: Costs, *, real_time_factor: float, **settings: Any) -> None:
        self.env = simpy.Environment()
        self.parts = memory_parts(clock=lambda: START + self.env.now, job_ttl_seconds=_RECORD_SECONDS, **settings)
        assert isinstance(self.parts.queue, MemoryJobQueue), "messages are taken by hand"
        self._queue = self.parts.queue
        self.done: list[Done] = []
        self.workers = 0
        #: Seconds of audio that are being spoken.
        self.spoken_seconds = 0.0
        self._labels: dict[str, str] = {}
        self._costs = costs
        self._factor = real_time_factor
        self._store = simpy.Resource(self.env, capacity=1)  # Valkey runs commands on one core.
        self._idle: list[simpy.Event] = []
        self._excess = 0

    def submit(self, label: str, **fields: object) -> None:
        """`fields` of a job; its text tells how long it is spoken."""
        job = make_job(created_at=self.parts.clock(), **fields)
        self._labels[job.id] = label
        self.parts.jobs.add(job)
        self._dispatch()

    def scale(self, workers: int) -> None:
        """More at once; fewer as each ends what it does."""
        for number in range(self.workers, workers):
            self.env.process(self._work(f"worker-{self.env.now}-{number}"))
        self._excess += max(0, self.workers - workers)
        self.workers = workers
        self._wake(self._excess)

    def run(self, until: float) -> None:
        self.env.run(until)

    @property
    def waiting_seconds(self) -> float:
        """Seconds of audio that wait."""
        return self.parts.line.backlog("").total / 1_000

    def _work(self, name: str) -> Process:
        while not self._excess:
            if not self._queue.depth():
                event = self.env.event()
                self._idle.append(event)
                yield event
                continue
            yield from self._speak(self._queue.take(), name)
        self._excess -= 1

    def _speak(self, job_id: str, name: str) -> Process:
        yield from self._use_store(self._costs.store_job / 2)
        job = take(self.parts, job_id, name)
        self._dispatch()
        if job is None:
            return
        seconds = speech_seconds(job.input)
        started = self.env.now
        self.spoken_seconds += seconds
        yield self.env.timeout(self._costs.between + seconds * self._factor)
        yield from self._use_store(self._costs.store_job / 2)
        output = JobOutput(output_key(job.id, job.attempt, "wav"), "wav", 1, "0" * 64, seconds, 24_000, 0)
        current = self.parts.jobs.get(job.id)
        self.parts.jobs.replace(current, succeed(current, job.attempt, output, {}, self.parts.clock()))
        self.spoken_seconds -= seconds
        self.done.append(Done(self._labels.pop(job.id), job.created_at - START, started, self.env.now))

    def _use_store(self, seconds: float) -> Process:
        with self._store.request() as turn:
            yield turn
            yield self.env.timeout(seconds)

    def _dispatch(self) -> None:
        self._wake(dispatch(self.parts))

    def _wake(self, count: int) -> None:
        for event in self._idle[:count]:
            event.succeed()
        del self._idle[:count]


def every(env: simpy.Environment, gaps: Callable[[], float], act: Callable[[], object]) -> Process:
    """Act after each gap, for ever."""
    while True:
        yield env.timeout(gaps())
        act()
