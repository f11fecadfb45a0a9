"""The two entry points, and what they are made of."""

import os
import subprocess
import sys

import pytest
from structlog.testing import capture_logs

from services.shared.adapters.celery_queue import CONTROL_QUEUE, SWEEP_TASK, SYNTHESIZE_TASK, create_celery
from services.shared.adapters.queue_turns import queue_of
from services.shared.job import JobStatus
from services.shared.lane import lanes_of
from services.shared.testing import make_settings
from services.worker.app import create_app
from services.worker.control import schedule_sweeps
from services.worker.sweeper import Sweeper
from services.worker.tasks import register_sweep, register_synthesis


@pytest.fixture
def celery():
    with create_celery(make_settings()) as app:
        yield app


def test_a_message_runs_its_job(bench, celery):
    job = bench.submit()
    register_synthesis(celery, bench.runner(), bench.parts.tracer)
    celery.tasks[SYNTHESIZE_TASK](job.id)
    assert bench.jobs.get(job.id).status is JobStatus.SUCCEEDED


def test_a_sweep_survives_an_outage(bench, celery):
    register_sweep(celery, Sweeper(bench.parts))
    bench.jobs.down = True
    with capture_logs() as logs:
        celery.tasks[SWEEP_TASK]()
    assert [(entry["event"], entry["reason"]) for entry in logs] == [("sweep_cut_short", "job-store-unavailable")]


def test_sweeps_do_not_pile_up(celery):
    schedule_sweeps(celery, 2.0)
    (entry,) = celery.conf.beat_schedule.values()
    assert entry == {"task": SWEEP_TASK, "schedule": 2.0, "options": {"queue": CONTROL_QUEUE, "expires": 4.0}}


def test_every_worker_has_a_name_of_its_own():
    first, second = create_app(make_settings()), create_app(make_settings())
    assert first.worker != second.worker
    for app in (first, second):
        app.close()


def test_a_worker_takes_the_priorities_that_it_is_for():
    every, one = create_app(make_settings()), create_app(make_settings(worker_priorities="bulk, default"))
    assert every.queues == [queue_of(lane) for lane in lanes_of([None, "timbre-tiny"])]
    assert one.queues == ["synthesis.bulk", "synthesis.bulk@timbre-tiny", "synthesis", "synthesis@timbre-tiny"]
    for app in (every, one):
        app.close()


def test_a_reference_is_cut_to_what_the_model_takes():
    app = create_app(make_settings(model_name="timbre-tiny"))
    assert app.references.max_seconds == 5.0
    app.close()


def test_an_engine_with_models_of_its_own_is_given_what_f5_takes():
    app = create_app(make_settings(model_name="somebody-elses"))
    assert app.references.max_seconds == 12.0
    app.close()


def test_the_control_process_never_reaches_torch():
    code = "import sys, services.worker.control; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("module", ["services.worker.main", "services.worker.control"])
def test_wrong_settings_are_refused_by_name_at_start(module):
    env = {"PATH": os.environ["PATH"], "REDIS_URL": "redis://:hidden@127.0.0.1:1/0", "MAX_ATTEMPTS": "none"}
    done = subprocess.run([sys.executable, "-m", module], env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "MAX_ATTEMPTS" in done.stderr
    assert "S3_ENDPOINT" in done.stderr
    assert "hidden" not in done.stdout + done.stderr


def test_an_engine_nobody_knows_is_refused_by_name():
    keys = {"S3_ENDPOINT": "http://127.0.0.1:1", "S3_ACCESS_KEY": "a", "S3_SECRET_KEY": "b"}
    env = {"PATH": os.environ["PATH"], "REDIS_URL": "redis://127.0.0.1:1/0", "ENGINE": "nobody", **keys}
    command = [sys.executable, "-m", "services.worker.main"]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "nobody" in done.stderr
    assert "Traceback" not in done.stderr
