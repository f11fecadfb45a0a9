"""Servers that die or freeze under the platform: jobs wait, and none is lost."""

import signal
import time

import httpx
import pytest

from services.shared.job import JobStatus
from tests.receiver import receiving
from tests.stack import REFERENCE, running_stack

pytestmark = pytest.mark.faults

SHORT = {"lease_seconds": 3, "heartbeat_seconds": 0.5, "sweep_seconds": 0.5, "resend_seconds": 2}


@pytest.fixture
def stack(tmp_path):
    with running_stack(tmp_path, **SHORT) as stack:
        stack.control()
        yield stack


def test_no_accepted_job_is_lost_when_valkey_is_killed(stack):
    worker = stack.worker(step_seconds=0.1)
    jobs = [stack.submit(nfe_step=16) for _ in range(10)]
    stack.until_working(jobs[0].id)
    stack.valkey.kill()
    time.sleep(1.0)
    stack.valkey.start()
    for job in jobs:
        stack.assert_succeeded_once(stack.until_over(job.id))
    assert worker.process.poll() is None


def test_jobs_accepted_while_no_worker_runs_survive_valkeys_death(stack):
    jobs = [stack.submit() for _ in range(5)]
    stack.valkey.kill()
    stack.valkey.start()
    stack.worker()
    for job in jobs:
        stack.assert_succeeded_once(stack.until_over(job.id))


def test_new_jobs_run_within_seconds_after_valkey_is_back(stack):
    stack.worker()
    stack.valkey.kill()
    time.sleep(4.0)
    stack.valkey.start()
    stack.assert_succeeded_once(stack.until_over(stack.submit().id, seconds=5))


def test_work_goes_on_while_valkey_is_frozen(stack):
    stack.worker(step_seconds=0.05)
    job = stack.submit(nfe_step=32)
    stack.until_working(job.id)
    stack.valkey.send(signal.SIGSTOP)
    time.sleep(3.0)
    stack.valkey.send(signal.SIGCONT)
    stack.assert_succeeded_once(stack.until_over(job.id))


def test_a_worker_that_starts_before_valkey_waits_for_it(stack):
    job = stack.submit()
    stack.valkey.kill()
    worker = stack.worker(ready=False)
    stack.until(lambda: worker.events("engine_loaded"))
    stack.valkey.start()
    stack.assert_succeeded_once(stack.until_over(job.id, seconds=10))


def test_a_worker_can_be_stopped_while_valkey_is_away(stack):
    worker, control = stack.worker(), stack.control()
    stack.valkey.kill()
    for process in (worker, control):
        process.send(signal.SIGTERM)
    assert worker.wait(15) == 0
    assert control.wait(15) == 0


def test_with_default_settings_jobs_wait_30_seconds_for_s3_and_finish(tmp_path):
    with running_stack(tmp_path) as stack:
        stack.control()
        stack.worker(step_seconds=0.05)
        before_upload = stack.submit(nfe_step=40)
        waiting = [stack.submit() for _ in range(5)]
        stack.until_working(before_upload.id)
        stack.s3.kill()
        time.sleep(30)
        stack.s3.start()
        for job in (before_upload, *waiting):
            done = stack.until_over(job.id)
            assert done.setbacks == 0
            stack.assert_succeeded_once(done)


def test_s3_away_for_longer_than_the_workers_patience_only_delays_a_job(tmp_path):
    with running_stack(tmp_path, **SHORT, storage_retry_seconds=1) as stack:
        stack.control()
        stack.worker(step_seconds=0.1)
        job = stack.submit(nfe_step=10)
        stack.until_working(job.id)
        stack.s3.kill()
        stack.until(lambda: stack.job(job.id).setbacks >= 1)
        assert stack.job(job.id).status is JobStatus.QUEUED
        stack.s3.start()
        done = stack.until_over(job.id)
        assert done.attempt >= 2
        stack.assert_succeeded_once(done)


def test_a_killed_control_process_is_replaced_without_loss(tmp_path):
    with running_stack(tmp_path, **SHORT) as stack:
        control = stack.control()
        worker = stack.worker(step_seconds=0.1)
        job = stack.submit(nfe_step=64)
        stack.until_working(job.id)
        control.kill()
        worker.kill()
        stack.worker()
        time.sleep(1.0)
        stack.control()
        stack.assert_succeeded_once(stack.until_over(job.id))


def test_a_killed_api_loses_no_job_that_it_accepted(stack):
    url = stack.api()
    stack.worker(step_seconds=0.05)
    accepted = [accept(url) for _ in range(3)]
    api = stack.find("api")
    api.kill()
    for job_id in accepted:
        stack.assert_succeeded_once(stack.until_over(job_id))
    api.start()
    assert {httpx.get(f"{url}/jobs/{job_id}").json()["status"] for job_id in accepted} == {"succeeded"}


def test_a_collector_that_dies_costs_no_job(tmp_path):
    with receiving() as collector, running_stack(tmp_path, **SHORT, otel_exporter_otlp_endpoint=collector.url) as stack:
        url = stack.api()
        stack.worker(step_seconds=0.05)
        before = accept(url)
        stack.until(lambda: collector.received)
        collector.go.clear()  # It takes connections, and answers none any more.
        for job_id in (before, accept(url)):
            stack.assert_succeeded_once(stack.until_over(job_id))


def accept(url: str) -> str:
    """Have a job accepted; its id."""
    fields = {"text": "Nobody asks for me.", "ref_text": "What was said in private."}
    answer = httpx.post(f"{url}/tts", data=fields, files={"voice": REFERENCE}, timeout=30)
    assert answer.status_code == 202, answer.text
    return answer.json()["job_id"]
