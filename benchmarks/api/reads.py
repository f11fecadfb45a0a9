"""`GET /jobs/{id}` of a queued job: alone in the store, and as one of ten thousand."""

import random
import time
from contextlib import ExitStack
from time import perf_counter
from typing import Final

from benchmarks.api.parts import Bar, Options, PartResult
from benchmarks.api.stack import Deployment, Stack
from benchmarks.api.wire import Client
from benchmarks.engine.spread import Spread, percentile
from benchmarks.engine.tables import Table, seconds, spread
from services.shared.testing import make_job

_QUEUED: Final = 10_000
_READS: Final = 100
_WARM_UPS: Final = 20


class Store:
    """A deployment that holds so many queued jobs, and a client that reads any of them."""

    def __init__(self, name: str, ids: list[str], client: Client, drawn: random.Random) -> None:
        self.name = name
        self.latencies: list[float] = []
        self._ids = ids
        self._client = client
        self._drawn = drawn

    def warm_up(self) -> None:
        for _ in range(_WARM_UPS):
            self._read()

    def measure(self) -> None:
        self.latencies.append(self._read())

    def _read(self) -> float:
        path = f"/jobs/{self._drawn.choice(self._ids)}"
        asked = perf_counter()
        self._client.get(path)
        return perf_counter() - asked


def measure(stack: Stack, options: Options) -> PartResult:
    drawn = random.Random(options.seed)  # noqa: S311 - an order is no secret
    counts = (1, options.count(_QUEUED, quick=200))
    with ExitStack() as opened:
        stores = [_open(opened, stack.deployment(), count, drawn) for count in counts]
        for store in stores:
            store.warm_up()
        for _ in options.each_round():
            for _ in range(options.count(_READS, quick=20)):
                for store in drawn.sample(stores, len(stores)):
                    store.measure()
    return report({store.name: store.latencies for store in stores}, counts[-1])


def report(latencies: dict[str, list[float]], queued: int) -> PartResult:
    """Of the two stores, the small one first."""
    few, many = (Spread.of(samples).median for samples in latencies.values())
    rows = [
        (name, str(len(samples)), spread(Spread.of(samples)), seconds(percentile(samples, 95)))
        for name, samples in latencies.items()
    ]
    note = "One client, one request at a time, of either store in turns; jobs are drawn from all that are queued."
    table = Table("Reading a queued job", ("in the store", "reads", "median", "P95"), rows, note)
    bar = Bar(f"a read beside {queued} queued jobs, against one alone", many / few, 2.0, "×")
    return PartResult([table], {"queued": queued, "latencies": latencies}, bar)


def _open(opened: ExitStack, deployment: Deployment, count: int, drawn: random.Random) -> Store:
    ids = _fill(deployment, count)
    client = Client(opened.enter_context(deployment.api()))
    opened.callback(client.close)
    return Store(f"{count} queued", ids, client, drawn)


def _fill(deployment: Deployment, count: int) -> list[str]:
    """Job records as the API writes them, their messages apart: reading does not ask the queue."""
    with deployment.parts() as parts:
        jobs = [make_job(created_at=time.time()) for _ in range(count)]
        for job in jobs:
            parts.jobs.add(job)
    return [job.id for job in jobs]
