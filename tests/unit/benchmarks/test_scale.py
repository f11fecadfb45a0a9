"""The simulated cluster keeps the product's rules, and its report says what happened."""

import pytest

from benchmarks.scale import scenarios
from benchmarks.scale.autoscaler import Autoscaler
from benchmarks.scale.ceilings import ceilings
from benchmarks.scale.cluster import Cluster
from benchmarks.scale.costs import Costs
from benchmarks.scale.measured import Run

FREE = Costs(between=0.0, store_job=1e-6, store_second=0.0, blobs_job=0.001, worker_job=0.0, api_job=0.002)
DEAR = Costs(between=0.1, store_job=0.2, store_second=0.0, blobs_job=0.001, worker_job=0.0, api_job=0.002)
SECOND = "Fifteen bytes. "


def cluster(costs: Costs = FREE, *, workers: int = 1, factor: float = 1.0) -> Cluster:
    made = Cluster(costs, real_time_factor=factor, queue_lead=4)
    made.scale(workers)
    return made


def test_a_job_takes_its_speech_and_its_costs() -> None:
    one = cluster(DEAR, factor=0.5)
    one.submit("x", text=SECOND * 10)
    one.run(100.0)
    (done,) = one.done
    assert done.label == "x"
    assert done.wait == pytest.approx(0.1)  # Half of its commands, before it is begun.
    assert done.ended == pytest.approx(0.2 + 0.1 + 5.0)


def test_jobs_wait_for_a_free_worker() -> None:
    two = cluster(workers=2)
    for _ in range(3):
        two.submit("x", text=SECOND * 10)
    two.run(100.0)
    assert [round(done.wait) for done in two.done] == [0, 0, 10]


def test_fewer_workers_finish_what_they_do() -> None:
    two = cluster(workers=2)
    for _ in range(3):
        two.submit("x", text=SECOND * 10)
    two.env.run(1.0)
    two.scale(1)
    two.run(100.0)
    assert [round(done.wait) for done in two.done] == [0, 0, 10]
    two.submit("y", text=SECOND)
    two.submit("y", text=SECOND)
    two.run(200.0)
    assert [round(done.wait) for done in two.done[3:]] == [0, 1]


def test_more_workers_do_more() -> None:
    rates = scenarios.linear(FREE, 4, fleets=(1, 4), span=60.0).data["jobs_a_second"]
    assert rates[4] / rates[1] == pytest.approx(4, rel=0.1)


def test_a_store_that_is_full_is_the_ceiling() -> None:
    rates = scenarios.linear(DEAR, 4, fleets=(1, 16), span=60.0).data["jobs_a_second"]
    assert rates[16] == pytest.approx(1 / DEAR.store_job, rel=0.1)


def test_a_flood_does_not_stand_before_others() -> None:
    waits = scenarios.flood(FREE, 4, size=200).data
    assert waits["the other, tenants in turns"]["p99"] < 5
    assert waits["the other, first in, first out"]["p99"] > 10


def test_people_do_not_wait_for_bulk_work() -> None:
    waits = scenarios.priorities(FREE, 4).data
    assert waits["interactive"]["p99"] < 3 < waits["bulk"]["p50"]


def test_workers_come_with_work_and_go_without() -> None:
    scaled = cluster(workers=0)
    scaled.env.process(Autoscaler(target=10.0, start=30.0, cooldown=60.0).run(scaled))
    for _ in range(4):
        scaled.submit("x", text=SECOND * 10)
    scaled.run(29.0)
    assert scaled.workers == 0
    scaled.run(31.0)
    assert scaled.workers == 4
    scaled.run(300.0)
    assert (scaled.workers, len(scaled.done)) == (0, 4)


def test_the_simulation_repeats_a_real_run() -> None:
    run = Run(workers=2, jobs=40, span=20.0, speaking=40.0, store_cpu=0, blobs_cpu=0, worker_cpu=0)
    figures = scenarios.calibration(FREE, [run], 4).data[2]
    assert figures == {"real": 2.0, "simulated": pytest.approx(2.0, rel=1e-3)}


def test_the_ceiling_is_what_a_core_carries() -> None:
    outcome = ceilings(FREE)
    assert outcome.data["cores"]["the API"] == pytest.approx(0.002 * outcome.data["jobs_a_second"])
