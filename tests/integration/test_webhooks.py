"""Real control and worker processes tell a real receiver."""

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.shared.batch import new_batch
from services.shared.job import JobStatus, new_id, request_cancel
from services.shared.servers import LOOPBACK
from services.shared.signing import new_secret
from services.shared.testing import make_job
from tests.receiver import Received, Receiver, answer, receiving
from tests.stack import Stack, running_stack

SECRET = new_secret()
TOKEN = "hush-hush"


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    settings = {"webhook_secret": SECRET, "outbound_allowed_hosts": LOOPBACK, "sweep_seconds": 0.3}
    with running_stack(tmp_path_factory.mktemp("stack"), **settings) as stack:
        stack.control()
        stack.worker()
        yield stack


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


def _hook(receiver: Receiver) -> str:
    return f"{receiver.url}/hooks?token={TOKEN}"


def _verified(request: Received) -> dict[str, object]:
    """By the specification alone."""
    headers = request.headers
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + request.body
    key = base64.b64decode(SECRET.removeprefix("whsec_"))
    digest = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    assert f"v1,{digest}" in headers["webhook-signature"].split(" ")
    told: dict[str, object] = json.loads(request.body)
    return told


def test_a_spoken_job_is_told_with_a_link_to_its_audio(stack: Stack, receiver: Receiver) -> None:
    job = stack.submit(webhook_url=_hook(receiver))
    stack.until(lambda: receiver.received)
    (request,) = receiver.received
    told = _verified(request)
    assert (told["type"], told["data"]["job_id"]) == ("job.succeeded", job.id)
    assert told["data"]["result_url"].startswith(str(stack.settings.s3_endpoint))
    stack.until(lambda: stack.parts.webhooks.find([job]))
    assert stack.parts.webhooks.find([job])[job.id].state == "delivered"


def test_a_batch_is_told_of_once_when_its_last_job_has_ended(stack: Stack, receiver: Receiver) -> None:
    now = stack.parts.clock()
    batch = new_batch(new_id(now), "anonymous", now, 2, _hook(receiver))
    jobs = [make_job(batch_id=batch.id, created_at=now, webhook_url=_hook(receiver)) for _ in range(2)]
    stack.parts.batches.add(batch, jobs)
    for job in jobs:
        current = stack.parts.jobs.get(job.id)
        stack.parts.jobs.replace(current, request_cancel(current, now))
    stack.until(lambda: len(receiver.received) == 3)
    told = [_verified(request) for request in receiver.received]
    assert sorted(str(one["type"]) for one in told) == ["batch.completed", "job.canceled", "job.canceled"]
    stack.until(lambda: stack.parts.webhooks.find([batch]))
    assert stack.parts.webhooks.find([batch])[batch.id].state == "delivered"


def test_a_receiver_that_stumbles_hears_of_it_again(stack: Stack, receiver: Receiver) -> None:
    receiver.answers = [answer(503), answer(204)]
    job = stack.submit(webhook_url=_hook(receiver), sent=False)
    stack.parts.jobs.replace(job, request_cancel(job, job.created_at))
    stack.until(lambda: len(receiver.received) == 2)
    assert len({request.headers["webhook-id"] for request in receiver.received}) == 1
    assert [_verified(request)["type"] for request in receiver.received] == ["job.canceled"] * 2


def test_what_ended_while_no_control_process_ran_is_told_by_the_next(tmp_path: Path, receiver: Receiver) -> None:
    with running_stack(tmp_path, webhook_secret=SECRET, outbound_allowed_hosts=LOOPBACK) as stack:
        control = stack.control()
        control.kill()
        stack.worker()
        job = stack.submit(webhook_url=_hook(receiver))
        assert stack.until_over(job.id).status is JobStatus.SUCCEEDED
        assert receiver.received == []
        stack.control()
        stack.until(lambda: receiver.received)
        assert _verified(receiver.received[0])["data"]["job_id"] == job.id


def test_neither_token_nor_secret_stands_in_the_logs(stack: Stack, receiver: Receiver) -> None:
    stack.submit(webhook_url=_hook(receiver))
    stack.until(lambda: receiver.received)
    stack.until(lambda: "webhook_tried" in stack.logs())
    assert TOKEN not in stack.logs()
    assert SECRET not in stack.logs()
