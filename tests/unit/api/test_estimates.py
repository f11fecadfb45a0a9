"""Where a job stands, and how long it may take."""

from dataclasses import replace

import pytest

from services.api.jobs.estimates import Estimator, Standing
from services.shared.job import Job, claim
from services.shared.pace import workload
from services.shared.parts import Parts
from services.shared.ports import WorkerBeat
from services.shared.testing import make_job, memory_parts
from tests.unit.api.client import Client, add_job, run_job

TEXT = "A hundred bytes of text, or as many as make the sums easy to follow."


@pytest.fixture
def parts() -> Parts:
    return memory_parts()


def announce(parts: Parts, slots: int, worker: str = "worker-1") -> None:
    parts.workers.announce(WorkerBeat(worker, {}, parts.clock(), slots), 1_000.0)


def add(parts: Parts, *, started: bool = False, **fields: object) -> Job:
    parts.clock.advance(1.0)
    job = add_job(parts, text=TEXT, **fields)
    return parts.jobs.replace(job, claim(job, "worker-1", parts.clock(), 10.0)) if started else job


def note(parts: Parts, seconds: float) -> None:
    parts.pace.note(seconds, workload(make_job(text=TEXT).input))


def test_nothing_is_known_before_the_first_job_was_done(parts: Parts) -> None:
    announce(parts, 1)
    job = add(parts)
    assert Estimator(parts).standing(job) == Standing(0, None)


def test_nothing_is_promised_while_nobody_works(parts: Parts) -> None:
    note(parts, 4.0)
    assert Estimator(parts).standing(add(parts)) == Standing(0, None)


def test_a_job_that_can_start_takes_what_it_takes(parts: Parts) -> None:
    announce(parts, 2)
    note(parts, 4.0)
    add(parts, started=True)
    assert Estimator(parts).standing(add(parts)) == Standing(0, 4.0)


def test_those_before_it_take_their_time_on_all_slots(parts: Parts) -> None:
    announce(parts, 1)
    announce(parts, 1, "worker-2")
    note(parts, 4.0)
    for _ in range(2):
        add(parts, started=True)
    jobs = [add(parts) for _ in range(3)]
    assert Estimator(parts).standings(jobs) == [Standing(0, 6.0), Standing(1, 8.0), Standing(2, 10.0)]


def test_more_steps_and_more_text_take_longer(parts: Parts) -> None:
    announce(parts, 1)
    note(parts, 4.0)
    estimator = Estimator(parts)
    for more in ({"text": TEXT * 2}, {"nfe_step": 14}, {"speed": 0.5}):
        job = add_job(parts, **{"text": TEXT} | more)
        assert estimator.standing(job) == Standing(0, 8.0)
        parts.jobs.remove(job.id)


def test_a_running_job_has_the_rest_left(parts: Parts) -> None:
    announce(parts, 1)
    note(parts, 4.0)
    job = replace(add(parts, started=True), progress=0.75)
    assert Estimator(parts).standing(job) == Standing(None, 1.0)


def test_a_job_that_is_over_stands_nowhere_and_asks_nobody(parts: Parts) -> None:
    job = run_job(parts, add(parts))
    parts.jobs.down = True
    assert Estimator(parts).standing(job) == Standing()


@pytest.mark.parametrize("part", ["jobs", "workers", "pace"])
def test_an_outage_makes_it_unknown(parts: Parts, part: str) -> None:
    job = add(parts)
    getattr(parts, part).down = True
    assert Estimator(parts).standing(job) == Standing()


def test_the_throughput_is_asked_for_once_a_second(parts: Parts) -> None:
    announce(parts, 1)
    note(parts, 4.0)
    estimator, job = Estimator(parts), add(parts)
    assert estimator.standing(job).eta_s == 4.0
    parts.pace.down = True
    assert estimator.standing(job).eta_s == 4.0
    parts.clock.advance(1.0)
    assert estimator.standing(job).eta_s is None


def test_jobs_say_where_they_stand(client: Client) -> None:
    announce(client.parts, 1)
    note(client.parts, 4.0)
    first, second = add(client.parts), add(client.parts)
    body = client.get(f"/jobs/{second.id}").json()
    assert (body["queue_position"], body["eta_s"]) == (1, 8.0)
    listed = client.get("/jobs").json()["jobs"]
    assert [(job["job_id"], job["queue_position"]) for job in listed] == [(second.id, 1), (first.id, 0)]
    client.parts.clock.advance(1.0)
    submitted = client.speak().json()
    assert (submitted["queue_position"], submitted["eta_s"] > 8.0) == (2, True)
