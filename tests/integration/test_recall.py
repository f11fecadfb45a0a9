"""Real workers speak nothing twice, and lose nothing by it."""

from pathlib import Path

from services.shared.job import JobStatus
from tests.stack import running_stack
from tests.unit.api.client import Client

#: One job a worker, whose death is noticed soon.
ALONE = {"max_concurrency": 1, "lease_seconds": 2, "heartbeat_seconds": 0.3, "sweep_seconds": 0.3}


def test_of_identical_jobs_at_once_one_is_spoken(tmp_path: Path) -> None:
    with running_stack(tmp_path, sweep_seconds=0.3) as stack:
        stack.control()
        stack.worker(step_seconds=0.1)
        jobs = [stack.until_over(job.id) for job in [stack.submit(cache=True) for _ in range(4)]]
        assert sorted(job.output.cached for job in jobs) == [False, True, True, True]
        assert len({job.output.sha256 for job in jobs}) == 1
        for job in jobs:
            stack.assert_succeeded_once(job)
        # The API finds it too, by what the worker has announced, and asks no worker.
        client = Client(stack.parts)
        first = client.speak(seed="7", mode="sync")
        again = client.speak(seed="7")
        assert first.status_code == 200
        assert (again.json()["status"], again.json()["output"]["cached"]) == ("succeeded", True)
        assert stack.parts.blobs.get(stack.job(again.json()["job_id"]).output.key) == first.content


def test_who_waits_for_a_killed_workers_job_speaks_itself(tmp_path: Path) -> None:
    with running_stack(tmp_path, **ALONE) as stack:
        stack.control()
        doomed = stack.worker(step_seconds=0.2)
        first = stack.submit(cache=True, nfe_step=32)
        stack.until_working(first.id)
        stack.worker(step_seconds=0.01)
        second = stack.submit(cache=True, nfe_step=32)
        stack.until(lambda: stack.job(second.id).status is JobStatus.PROCESSING)
        doomed.kill()
        second, first = stack.until_over(second.id), stack.until_over(first.id)
        assert (second.output.cached, first.output.cached) == (False, True)
        assert (second.attempt, first.attempt) == (1, 2)
        for job in (first, second):
            stack.assert_succeeded_once(job)
