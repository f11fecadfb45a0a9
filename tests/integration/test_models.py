"""Real workers of unlike models: each job is spoken by one that holds what it names."""

import signal
from collections import Counter
from pathlib import Path

from services.shared.job import JobStatus
from tests.chance import Chance
from tests.stack import running_stack
from tests.unit.api.client import Client


def test_each_job_goes_to_a_worker_that_holds_its_model(tmp_path: Path) -> None:
    with running_stack(tmp_path, models="base=3,candidate=1", sweep_seconds=0.3) as stack:
        stack.control()
        base, _ = (stack.worker(ready=False, served_model_name=name) for name in ("base", "candidate"))
        stack.until(lambda: len(stack.parts.workers.ready()) == 2, seconds=60)
        serves = {beat.worker: beat.info["served_model"] for beat in stack.parts.workers.ready()}
        client = Client(stack.parts, chance=Chance(0.8, 0.1, 0.7))
        answers = [client.speak(model=name) for name in ("candidate", "base", "candidate")]
        answers += [client.speak() for _ in range(3)]
        jobs = [stack.until_over(answer.json()["job_id"]) for answer in answers]
        assert [job.model for job in jobs] == ["candidate", "base", "candidate", "candidate", "base", "base"]
        assert [serves[job.worker or ""] for job in jobs] == [job.model for job in jobs]
        assert Counter(job.status for job in jobs) == {JobStatus.SUCCEEDED: 6}

        # What names none, as jobs did before there were several, is anybody's: of whoever is left, too.
        assert stack.until_over(stack.submit().id).status is JobStatus.SUCCEEDED
        base.send(signal.SIGTERM)
        assert base.wait(30) == 0
        waiting = stack.submit(model="base")
        left = stack.until_over(stack.submit().id)
        assert (left.status, serves[left.worker or ""]) == (JobStatus.SUCCEEDED, "candidate")
        assert stack.job(waiting.id).status is JobStatus.QUEUED
