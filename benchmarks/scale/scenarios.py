"""What is asked of the simulated cluster, and what came of it."""

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from benchmarks.engine.spread import percentile
from benchmarks.engine.tables import Table, percent, seconds
from benchmarks.scale.autoscaler import Autoscaler
from benchmarks.scale.cluster import Cluster, Done, Process, every
from benchmarks.scale.costs import Costs
from benchmarks.scale.measured import Run
from services.shared.priority import Priority

#: A worker that speaks ten seconds in one: the order of F5-TTS's base model on a small card.
_FACTOR: Final = 0.1
#: The mean length of a text's speech.
_SPEECH_SECONDS: Final = 15.0
#: A text that is expected to be spoken for a second.
_SECOND: Final = "Fifteen bytes. "
_SEED: Final = 20_260
_FLEETS: Final = (1, 2, 4, 8, 16, 32, 64)
_FLEET: Final = 8
#: From when on a cluster that started without workers has enough of them.
_STARTING: Final = 300.0


@dataclass(frozen=True)
class Outcome:
    """A scenario's table for people, and its figures for programs."""

    table: Table
    data: dict[Any, Any]


class Crowd:
    """Clients with texts of 5 to 25 seconds."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._random = random.Random(_SEED)  # noqa: S311 - chance that repeats

    def submit(self, label: str, **fields: object) -> None:
        self._cluster.submit(label, text=_SECOND * self._random.randint(5, 25), **fields)

    def come(self, label: str, rate: float, *, until: float = math.inf, **fields: object) -> None:
        """`rate` jobs a second from now on, at random moments."""
        self._cluster.env.process(self._come(label, rate, until, fields))

    def _come(self, label: str, rate: float, until: float, fields: dict[str, object]) -> Process:
        env = self._cluster.env
        while env.now < until:
            yield env.timeout(self._random.expovariate(rate))
            self.submit(label, **fields)


def capacity(workers: int) -> float:
    """Jobs a second that so many can do."""
    return workers / (_FACTOR * _SPEECH_SECONDS)


def _cluster(costs: Costs, workers: int, lead: int) -> tuple[Cluster, Crowd]:
    cluster = Cluster(costs, real_time_factor=_FACTOR, queue_lead=lead)
    cluster.scale(workers)
    return cluster, Crowd(cluster)


# --- throughput -------------------------------------------------------------------------------------


def linear(costs: Costs, lead: int, *, fleets: Sequence[int] = _FLEETS, span: float = 120.0) -> Outcome:
    """Throughput by workers that never lack work."""
    rates = {workers: saturated(costs, workers, lead, span) for workers in fleets}
    alone = rates[fleets[0]] / fleets[0]
    rows = [(str(n), f"{rate:.2f}", percent(rate / n / alone)) for n, rate in rates.items()]
    note = f"There is always work; QUEUE_LEAD={lead}; one Valkey for all."
    table = Table("Throughput by workers", ("workers", "jobs a second", "of linear"), rows, note)
    return Outcome(table, {"queue_lead": lead, "jobs_a_second": rates})


def saturated(costs: Costs, workers: int, lead: int, span: float) -> float:
    """Jobs a second, without the first and last moments, which are not full."""
    cluster, crowd = _cluster(costs, workers, lead)
    for _ in range(4 * workers):
        crowd.submit("work")
    made = len(cluster.done)

    def refill() -> None:
        nonlocal made
        for _ in range(len(cluster.done) - made):
            crowd.submit("work")
        made = len(cluster.done)

    cluster.env.process(every(cluster.env, lambda: 0.05, refill))
    cluster.run(span)
    counted = [one for one in cluster.done if 0.1 * span <= one.ended < 0.9 * span]
    return len(counted) / (0.8 * span)


def calibration(costs: Costs, runs: Sequence[Run], lead: int) -> Outcome:
    """The simulation beside the real runs that it is to repeat."""
    found = {run.workers: (run.jobs_a_second, _repeated(costs, run, lead)) for run in runs}
    rows = [
        (str(n), f"{real:.2f}", f"{simulated:.2f}", percent(simulated / real)) for n, (real, simulated) in found.items()
    ]
    note = "Real workers share the machine's cores with the stores; simulated ones have their own."
    columns = ("workers", "real jobs a second", "simulated", "simulated of real")
    data = {n: {"real": real, "simulated": simulated} for n, (real, simulated) in found.items()}
    return Outcome(Table("The simulation beside what was measured", columns, rows, note), data)


def _repeated(costs: Costs, run: Run, lead: int) -> float:
    cluster = Cluster(costs, real_time_factor=run.speaking / run.jobs, queue_lead=lead)
    cluster.scale(run.workers)
    for _ in range(run.jobs):
        cluster.submit("work", text=_SECOND)
    cluster.run(10 * run.span)
    return run.jobs / max(one.ended for one in cluster.done)


# --- waiting ----------------------------------------------------------------------------------------


def bursts(costs: Costs, lead: int) -> Outcome:
    """Eight workers with a third of the work that they can do; and thrice, at once, what they do in 20 seconds."""
    cluster, crowd = _cluster(costs, _FLEET, lead)
    crowd.come("between bursts", capacity(_FLEET) / 3, owner="steady")

    def burst() -> None:
        for _ in range(round(3 * 20 * capacity(_FLEET))):
            crowd.submit("the bursts", owner="bursting")

    cluster.env.process(every(cluster.env, lambda: 200.0, burst))
    cluster.run(1_000.0)
    return _waits("Bursts", _by_label(cluster.done))


def flood(costs: Costs, lead: int, *, size: int = 1_000) -> Outcome:
    """A tenant sends 1,000 jobs at once, beside another who sends three tenths of what eight workers can do."""
    alone = _flooded(costs, lead, flooder="flooder", size=0)
    turns = _flooded(costs, lead, flooder="flooder", size=size)
    # To the line both are one tenant then.
    fifo = _flooded(costs, lead, flooder="other", size=size)
    ways = {"no flood": alone, "tenants in turns": turns, "first in, first out": fifo}
    groups = {f"{who}, {way}": done for way, found in ways.items() for who, done in _by_label(found).items()}
    return _waits("A tenant that floods", groups)


def _flooded(costs: Costs, lead: int, *, flooder: str, size: int) -> list[Done]:
    cluster, crowd = _cluster(costs, _FLEET, lead)
    crowd.come("the other", 0.3 * capacity(_FLEET), owner="other")
    for _ in range(size):
        crowd.submit("the flood", owner=flooder)
    cluster.run(400.0)
    return cluster.done


def priorities(costs: Costs, lead: int) -> Outcome:
    """Bulk work without end, beside people who wait: three tenths of what eight workers can do."""
    cluster, crowd = _cluster(costs, _FLEET, lead)
    for _ in range(1_000):
        crowd.submit("bulk", priority=Priority.BULK)
    crowd.come("interactive", 0.3 * capacity(_FLEET), priority=Priority.INTERACTIVE)
    cluster.run(150.0)
    return _waits("Priorities", _by_label(cluster.done))


def from_zero(costs: Costs, lead: int) -> Outcome:
    """No worker at first; three quarters of what eight can do, for 40 minutes, and then nothing."""
    groups: dict[str, list[Done]] = {}
    left = []
    for scaler in (Autoscaler(), Autoscaler(counts_spoken=False)):
        cluster, crowd = _cluster(costs, 0, lead)
        cluster.env.process(scaler.run(cluster))
        crowd.come("work", 0.75 * capacity(_FLEET), until=2_400.0)
        cluster.run(3_600.0)
        name = "by what waits and is spoken" if scaler.counts_spoken else "by what waits"
        groups[f"{name}, first minutes"] = [one for one in cluster.done if one.created < _STARTING]
        groups[f"{name}, afterwards"] = [one for one in cluster.done if one.created >= _STARTING]
        left.append(cluster.workers)
    return _waits("From zero", groups, note=f"Workers in the end: {left}. {Autoscaler()}")


def _by_label(done: Sequence[Done]) -> dict[str, list[Done]]:
    groups: dict[str, list[Done]] = {}
    for one in done:
        groups.setdefault(one.label, []).append(one)
    return groups


def _waits(title: str, groups: Mapping[str, Sequence[Done]], note: str = "") -> Outcome:
    """Seconds from submission to the beginning of the work."""
    waits = {name: [one.wait for one in done] for name, done in groups.items() if done}
    figures = {
        name: {"jobs": len(each), "p50": percentile(each, 50), "p99": percentile(each, 99)}
        for name, each in waits.items()
    }
    rows = [(name, str(one["jobs"]), seconds(one["p50"]), seconds(one["p99"])) for name, one in figures.items()]
    return Outcome(Table(title, ("jobs", "spoken", "waited, median", "P99"), rows, note), figures)
