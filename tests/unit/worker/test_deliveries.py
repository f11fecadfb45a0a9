"""Telling receivers: signed, again and again, by nobody twice at a time, and with one slow receiver among many."""

import base64
import hashlib
import hmac
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from structlog.testing import capture_logs

from services.shared.batch import new_batch
from services.shared.errors import UrlUnreachable
from services.shared.job import Job, JobFault, JobOutput, JobStatus, claim, fail, new_id, request_cancel, succeed
from services.shared.outbound.testing import MemoryOutbound
from services.shared.signing import new_secret
from services.shared.testing import MemoryJobStore, make_job
from services.shared.testing.secrets import MemorySecretVersions
from services.shared.webhook_secrets import WebhookSecrets
from services.worker.deliveries import SLOTS, Deliverer
from services.worker.sweeper import Sweeper
from tests.unit.worker.conftest import Bench

SECRET = new_secret()
URL = "https://receiver.test/hook?token=hush"
FAULT = JobFault("engine-failed", "The engine failed", "It did.")


class Inline(Executor):
    """Runs at once what is submitted."""

    def submit(self, call, /, *args, **kwargs):  # type: ignore[no-untyped-def] # the base class's own is generic
        future: Future[object] = Future()
        future.set_result(call(*args, **kwargs))
        return future


@pytest.fixture
def deliver(bench: Bench) -> Callable[[], None]:
    """One round, all of it."""
    deliverer = Deliverer(bench.parts, _secrets(), Inline(), chance=lambda: 0.0, stopwatch=bench.clock)
    return deliverer.start_due


def _secrets() -> WebhookSecrets:
    return WebhookSecrets(SECRET, MemorySecretVersions())


def _failed(bench: Bench, url: str = URL) -> Job:
    job = bench.submit(webhook_url=url)
    running = bench.jobs.replace(job, claim(job, "worker-a", bench.clock(), 10.0))
    return bench.jobs.replace(running, fail(running, 1, FAULT, bench.clock()))


def _verify(headers: Mapping[str, str], body: bytes, secret: str = SECRET) -> dict[str, object]:
    """What a receiver does, by the specification alone."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = b"%s.%s.%s" % (headers["webhook-id"].encode(), headers["webhook-timestamp"].encode(), body)
    expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    assert f"v1,{expected}" in headers["webhook-signature"].split(" ")
    told: dict[str, object] = json.loads(body)
    return told


# --- what is told ------------------------------------------------------------------------------------


def test_a_batch_is_told_with_its_counts(bench: Bench, deliver: Callable[[], None]) -> None:
    batch = new_batch(new_id(bench.clock()), "anonymous", bench.clock(), 3, URL)
    jobs = [make_job(batch_id=batch.id, created_at=bench.clock()) for _ in range(3)]
    bench.batches.add(batch, jobs)
    bench.jobs.replace(jobs[0], request_cancel(jobs[0], bench.clock()))
    for job in jobs[1:]:
        running = bench.jobs.replace(job, claim(job, "worker-a", bench.clock(), 10.0))
        deliver()
        assert bench.outbound.posted == []
        bench.clock.advance(2.0)
        bench.jobs.replace(running, fail(running, 1, FAULT, bench.clock()))
    with capture_logs() as logs:
        deliver()
    deliver()
    (posted,) = bench.outbound.posted
    assert (posted.url, posted.headers["webhook-id"]) == (URL, f"msg_{batch.id}")
    assert _verify(posted.headers, posted.body) == {
        "type": "batch.completed",
        "timestamp": "2027-01-15T08:00:04Z",
        "data": {
            "batch_id": batch.id,
            "status": "completed",
            "counts": {"succeeded": 0, "failed": 2, "canceled": 1, "expired": 0, "total": 3},
            "created_at": "2027-01-15T08:00:00Z",
            "completed_at": "2027-01-15T08:00:04Z",
        },
    }
    assert bench.webhooks.find([batch])[batch.id].state == "delivered"
    assert [line["event"] for line in logs] == ["webhook_tried"]
    assert "hush" not in str(logs)


def test_a_canceled_batch_is_told_as_such(bench: Bench, deliver: Callable[[], None]) -> None:
    batch = new_batch(new_id(bench.clock()), "anonymous", bench.clock(), 1, URL)
    bench.batches.add(batch, [job := make_job(batch_id=batch.id)])
    bench.batches.request_cancel(batch.id)
    bench.jobs.replace(job, request_cancel(job, bench.clock()))
    bench.outbound.answers = [503]
    deliver()
    bench.clock.advance(5)
    deliver()
    assert [_verify(one.headers, one.body)["type"] for one in bench.outbound.posted] == ["batch.canceled"] * 2


def test_a_success_is_told_with_its_audio(bench: Bench, deliver: Callable[[], None]) -> None:
    job = bench.submit(webhook_url=URL)
    running = bench.jobs.replace(job, claim(job, "worker-a", bench.clock(), 10.0))
    bench.clock.advance(2.0)
    output = JobOutput("outputs/x/1.wav", "wav", 3, "a" * 64, 1.25, 24_000, 7)
    done = bench.jobs.replace(running, succeed(running, 1, output, {}, bench.clock()))
    deliver()
    (posted,) = bench.outbound.posted
    assert posted.url == URL
    assert posted.headers["Content-Type"] == "application/json"
    assert posted.headers["webhook-id"] == f"msg_{job.id}"
    assert posted.headers["webhook-timestamp"] == str(int(bench.clock()))
    told = _verify(posted.headers, posted.body)
    assert (told["type"], told["timestamp"]) == ("job.succeeded", "2027-01-15T08:00:02Z")
    data = told["data"]
    assert (data["job_id"], data["status"], data["error"]) == (done.id, "succeeded", None)
    assert data["result_url"].startswith("http://blobs.test/outputs/x/1.wav")
    assert data["model"] == bench.settings.served_model
    assert data["output"] == {"format": "wav", "bytes": 3, "sha256": "a" * 64, "duration_s": 1.25}
    # Neither what was said nor how it is to be said leaves the house.
    assert job.input.text.encode() not in posted.body
    assert job.input.ref_text.encode() not in posted.body


def test_a_failure_is_told_with_its_reason(bench: Bench, deliver: Callable[[], None]) -> None:
    _failed(bench)
    deliver()
    told = _verify(bench.outbound.posted[0].headers, bench.outbound.posted[0].body)
    assert told["type"] == "job.failed"
    assert told["data"]["error"] == {"type": "/problems/engine-failed", "title": FAULT.title, "detail": FAULT.detail}
    assert told["data"]["result_url"] is None


def test_which_model_was_to_speak_is_told(bench: Bench, deliver: Callable[[], None]) -> None:
    job = bench.submit(webhook_url=URL, model="candidate")
    bench.jobs.replace(job, request_cancel(job, bench.clock()))
    deliver()
    assert _verify(bench.outbound.posted[0].headers, bench.outbound.posted[0].body)["data"]["model"] == "candidate"


def test_what_a_worker_ends_is_told(bench: Bench, deliver: Callable[[], None]) -> None:
    ends = [bench.submit(webhook_url=URL), bench.submit(webhook_url=URL, reference=None)]
    assert [bench.runner().run(job.id) for job in ends] == [JobStatus.SUCCEEDED, JobStatus.FAILED]
    deliver()
    told = {body["data"]["job_id"]: body["type"] for body in (json.loads(one.body) for one in bench.outbound.posted)}
    assert told == {ends[0].id: "job.succeeded", ends[1].id: "job.failed"}


def test_what_the_sweeper_ends_is_told(bench: Bench, deliver: Callable[[], None]) -> None:
    bench.submit(webhook_url=URL)
    bench.clock.advance(bench.settings.queue_ttl_seconds + 1)
    Sweeper(bench.parts).sweep()
    deliver()
    assert [json.loads(posted.body)["type"] for posted in bench.outbound.posted] == ["job.expired"]


def test_what_the_client_cancels_is_told(bench: Bench, deliver: Callable[[], None]) -> None:
    job = bench.submit(webhook_url=URL)
    bench.jobs.replace(job, request_cancel(job, bench.clock()))
    deliver()
    assert [json.loads(posted.body)["type"] for posted in bench.outbound.posted] == ["job.canceled"]


# --- again and again --------------------------------------------------------------------------------


def test_a_receiver_that_comes_back_hears_of_it_under_the_same_id(bench: Bench, deliver: Callable[[], None]) -> None:
    job = _failed(bench)
    bench.outbound.answers = [500, UrlUnreachable("No answer."), 302, 200]
    for seconds in (0, 5, 300, 1_800):
        bench.clock.advance(seconds)
        deliver()
        deliver()  # nothing is due yet
    posted = bench.outbound.posted
    assert len(posted) == 4
    assert {one.headers["webhook-id"] for one in posted} == {f"msg_{job.id}"}
    assert len({one.headers["webhook-timestamp"] for one in posted}) == 4
    for one in posted:
        _verify(one.headers, one.body)
    delivery = bench.webhooks.find([job])[job.id]
    assert (delivery.state, delivery.attempts) == ("delivered", 4)
    assert [(one.status, one.error) for one in delivery.tries] == [
        (500, None),
        (None, "url-unreachable"),
        (302, None),
        (200, None),
    ]


def test_a_receiver_that_is_gone_is_told_no_more(bench: Bench, deliver: Callable[[], None]) -> None:
    job = _failed(bench)
    bench.outbound.answers = [410]
    deliver()
    assert bench.webhooks.find([job])[job.id].state == "failed"
    bench.clock.advance(3_000)
    deliver()
    assert len(bench.outbound.posted) == 1


def test_an_address_that_became_private_is_not_asked_and_tried_later(bench: Bench, deliver: Callable[[], None]) -> None:
    job = _failed(bench)
    bench.outbound.resolver.answers["receiver.test"] = [["10.0.0.1"]]
    deliver()
    assert bench.outbound.posted == []
    (attempt,) = bench.webhooks.find([job])[job.id].tries
    assert attempt.error == "url-refused"
    bench.outbound.resolver.answers.clear()
    bench.clock.advance(5)
    deliver()
    assert len(bench.outbound.posted) == 1


# --- processes that die, stores that are away ---------------------------------------------------------


def test_a_process_that_dies_between_end_and_delivery_leaves_it_to_the_next(bench: Bench) -> None:
    _failed(bench)
    # Another process took it and died before it asked anybody.
    assert bench.webhooks.take(bench.clock(), 10, hold_seconds=70.0)
    deliver = Deliverer(bench.parts, _secrets(), Inline()).start_due
    deliver()
    assert bench.outbound.posted == []
    bench.clock.advance(70.0)
    deliver()
    assert len(bench.outbound.posted) == 1


class Unplugging(MemoryOutbound):
    """The job store goes away while the first receiver answers."""

    def __init__(self, jobs: MemoryJobStore) -> None:
        super().__init__()
        self._jobs = jobs

    def post(self, url: str, body: bytes, headers: Mapping[str, str], *, seconds: float) -> int:
        self._jobs.down = not self.posted
        return super().post(url, body, headers, seconds=seconds)


def test_a_try_whose_outcome_was_not_stored_is_made_again_under_the_same_id(bench: Bench) -> None:
    job = _failed(bench)
    bench.outbound = Unplugging(bench.jobs)
    deliver = Deliverer(bench.parts, _secrets(), Inline()).start_due
    deliver()
    bench.jobs.down = False
    deliver()
    assert len(bench.outbound.posted) == 1
    bench.clock.advance(bench.settings.webhook_timeout_seconds + 60)
    deliver()
    assert [one.headers["webhook-id"] for one in bench.outbound.posted] == [f"msg_{job.id}"] * 2
    assert bench.webhooks.find([job])[job.id].attempts == 1


def test_a_store_that_is_away_only_delays(bench: Bench, deliver: Callable[[], None]) -> None:
    _failed(bench)
    bench.jobs.down = True
    deliver()
    bench.jobs.down = False
    deliver()
    assert len(bench.outbound.posted) == 1


def test_a_fault_of_ours_holds_nobody_up(bench: Bench, deliver: Callable[[], None]) -> None:
    _failed(bench)
    other = _failed(bench, "https://other.test/hook")
    bench.outbound.answers = [ZeroDivisionError("A bug.")]
    deliver()
    assert bench.webhooks.find([other])[other.id].state == "delivered"


# --- many receivers ---------------------------------------------------------------------------------


class Crowd(MemoryOutbound):
    """Receivers under `slow.test` do not answer before they are let go."""

    def __init__(self) -> None:
        super().__init__()
        self.go = threading.Event()
        self.reached = threading.Semaphore(0)
        self.heard: list[str] = []

    def post(self, url: str, body: bytes, headers: Mapping[str, str], *, seconds: float) -> int:
        if "slow.test" in url:
            self.reached.release()
            assert self.go.wait(20)
        status = super().post(url, body, headers, seconds=seconds)
        self.heard.append(url)
        return status


@contextmanager
def _crowd(bench: Bench) -> Iterator[tuple[Crowd, Deliverer, ThreadPoolExecutor]]:
    bench.outbound = crowd = Crowd()
    with ThreadPoolExecutor(SLOTS) as pool:
        try:
            yield crowd, Deliverer(bench.parts, _secrets(), pool), pool
        finally:
            crowd.go.set()


def test_a_receiver_that_hangs_keeps_no_other_waiting(bench: Bench) -> None:
    for _ in range(200):
        _failed(bench, "https://slow.test/hook")
    bench.clock.advance(1)
    quick = [_failed(bench, f"https://quick-{number}.test/hook") for number in range(10)]
    with _crowd(bench) as (crowd, deliverer, pool):
        deliverer.start_due()
        assert crowd.reached.acquire(timeout=20)
        _until_heard(crowd, pool, len(quick))
        assert not [url for url in crowd.heard if "slow" in url]


def test_all_are_heard_in_the_end_and_none_twice(bench: Bench) -> None:
    for number in range(100):
        _failed(bench, f"https://slow.test/{number}")
    with _crowd(bench) as (crowd, deliverer, pool):
        deliverer.start_due()
        crowd.go.set()
        rounds = 0
        while len(crowd.heard) < 100:
            rounds += 1
            assert rounds < 1_000
            bench.clock.advance(1.0)
            deliverer.start_due()
            _until_idle(pool)  # Time must not go past what is held.
    assert len(set(crowd.heard)) == len(crowd.heard) == 100


def _until_idle(pool: ThreadPoolExecutor) -> None:
    """All threads meet: none delivers any more."""
    meeting = threading.Barrier(SLOTS)
    for future in [pool.submit(meeting.wait, 20) for _ in range(SLOTS)]:
        future.result()


def _until_heard(crowd: Crowd, pool: ThreadPoolExecutor, count: int) -> None:
    """Each turn waits for a free thread of the pool, which the quick ones give back."""
    for _ in range(1_000):
        if len(crowd.heard) >= count:
            return
        pool.submit(lambda: None).result(timeout=20)
    raise AssertionError(f"Only {len(crowd.heard)} of {count} receivers were heard.")


# --- logs -------------------------------------------------------------------------------------------


def test_neither_url_nor_secret_nor_text_is_logged(bench: Bench, deliver: Callable[[], None]) -> None:
    job = _failed(bench)
    bench.outbound.answers = [500]
    with capture_logs() as lines:
        deliver()
    assert [line["event"] for line in lines] == ["webhook_tried"]
    said = json.dumps(lines)
    for secret in ("hush", "receiver.test", SECRET, job.input.text):
        assert secret not in said


# --- a tenant's own secret --------------------------------------------------------------------------


def test_a_tenants_own_secret_signs_too_and_no_other_tenants(bench: Bench) -> None:
    secrets = WebhookSecrets(SECRET, bench.parts.secrets)
    job = bench.submit(webhook_url=URL, owner="anna")
    bench.jobs.replace(job, request_cancel(job, bench.clock()))
    Deliverer(bench.parts, secrets, Inline()).start_due()
    (posted,) = bench.outbound.posted
    _verify(posted.headers, posted.body)
    _verify(posted.headers, posted.body, secrets.of("anna", bench.clock()).value)
    with pytest.raises(AssertionError):
        _verify(posted.headers, posted.body, secrets.of("bert", bench.clock()).value)


def test_a_store_that_is_away_leaves_the_delivery_to_be_made_again(bench: Bench) -> None:
    versions = MemorySecretVersions()
    deliver = Deliverer(bench.parts, WebhookSecrets(SECRET, versions), Inline()).start_due
    job = _failed(bench)
    versions.down = True
    with capture_logs() as logs:
        deliver()
    assert [line["event"] for line in logs] == ["delivery_unsettled"]
    assert bench.outbound.posted == []
    versions.down = False
    bench.clock.advance(100)
    deliver()
    assert bench.webhooks.find([job])[job.id].state == "delivered"
