"""Valkey dies and comes back: what was accepted is still there, and nobody needs a restart to see it."""

import asyncio
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import aclosing
from pathlib import Path

import anyio
import pytest
from starlette.concurrency import run_in_threadpool
from structlog.testing import capture_logs

from services.api.listening.following import changes
from services.shared.adapters.redis_client import connect_redis
from services.shared.adapters.redis_events import RedisJobEvents
from services.shared.errors import JobQueueUnavailable, JobStoreUnavailable
from services.shared.job import Job, JobStatus, transitions
from services.shared.parts import Parts, connect
from services.shared.servers import LOOPBACK, Command, free_port, valkey_command, wait_until_answers
from services.shared.testing import START, make_job, make_settings


class OwnValkey:
    """A Valkey of this module's own, to be killed."""

    def __init__(self, directory: Path) -> None:
        self.port = free_port()
        self.url = f"redis://:password@{LOOPBACK}:{self.port}/0"
        self._command: Command = valkey_command(self.port, directory, "password")
        self._process: subprocess.Popen[bytes] | None = None
        self.starts = 0

    def start(self) -> None:
        self.starts += 1
        self._process = subprocess.Popen(self._command.argv, cwd=self._command.cwd, stdout=subprocess.DEVNULL)

    def send(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()


@pytest.fixture
def own(tmp_path: Path, valkey: str) -> Iterator[OwnValkey]:
    server = OwnValkey(tmp_path)
    server.start()
    yield server
    server.kill()


@pytest.fixture
def parts(own: OwnValkey) -> Iterator[Parts]:
    parts = connect(make_settings(redis_url=own.url))
    wait_until_answers(parts.jobs.ping, retry_on=JobStoreUnavailable)
    yield parts
    parts.close()


def test_accepted_jobs_and_messages_survive_a_killed_server(own: OwnValkey, parts: Parts) -> None:
    job = make_job()
    parts.jobs.add(job)
    running = parts.jobs.replace(job, transitions.claim(job, "worker-1", START, 10))
    parts.queue.send(job.id)
    # What is answered is in the append-only file by then.
    own.kill()
    own.start()
    wait_until_answers(parts.jobs.ping, retry_on=JobStoreUnavailable)
    assert parts.jobs.get(job.id) == running
    assert [lapsed.id for lapsed in parts.jobs.lapsed(START + 10, 10)] == [job.id]
    assert parts.queue.depth() == 1


def test_connections_that_died_in_the_pool_are_nobodys_business(own: OwnValkey, parts: Parts) -> None:
    parts.queue.send("before")
    own.kill()
    own.start()
    with connect_redis(own.url) as other:
        wait_until_answers(other.ping)
    parts.queue.send("after")
    # The new server knows none of the scripts that the old one had been sent.
    parts.jobs.add(job := make_job())
    assert parts.jobs.get(job.id) == job
    assert parts.queue.depth() == 2


def test_who_listens_misses_nothing_that_counts(own: OwnValkey, parts: Parts) -> None:
    """The connection breaks, the job goes on meanwhile, and its listener is told as soon as there is a server again."""
    job = make_job()
    parts.jobs.add(job)

    async def listen() -> list[JobStatus]:
        seen = []
        async with aclosing(changes(parts, job, quiet_seconds=60.0)) as changed:
            async for now in changed:
                seen.append(now.status)
                await run_in_threadpool(play, now)
        await parts.events.close()
        return seen

    def play(now: Job) -> None:
        if now.status is JobStatus.QUEUED:
            parts.jobs.replace(now, transitions.claim(now, "worker-1", START, 10))
        elif own.starts == 1:
            own.kill()
            own.start()
            wait_until_answers(parts.jobs.ping, retry_on=JobStoreUnavailable)
            parts.jobs.replace(now, transitions.confirm_cancel(now, 1, START))

    started = time.monotonic()
    seen = anyio.run(listen)
    assert seen[-1] is JobStatus.CANCELED
    assert time.monotonic() - started < 30


def test_a_server_that_falls_silent_is_noticed(own: OwnValkey, parts: Parts) -> None:
    """Nothing closes the connection: it is the unanswered question that tells."""

    async def until(done: Callable[[], object]) -> None:
        async with asyncio.timeout(20):
            while not await run_in_threadpool(done):
                continue

    async def listen() -> None:
        events = RedisJobEvents(own.url, silence_seconds=0.1)
        with events.listen("some-job"):
            await until(lambda: listeners(own, "some-job"))
            first = listeners(own, "some-job")
            own.send(signal.SIGSTOP)
            with capture_logs() as logs:
                await until(lambda: logs)
            own.send(signal.SIGCONT)
            assert logs[0]["event"] == "events_interrupted"
            await until(lambda: listeners(own, "some-job") - first)
        await events.close()

    anyio.run(listen)


def listeners(own: OwnValkey, job_id: str) -> set[str]:
    """The connections that listen to something, once one of them does to this job."""
    channel = f"timbre:{{jobs}}:news:{job_id}"
    with connect_redis(own.url) as client:
        lines = {line["id"] for line in client.client_list(_type="pubsub")}
        return lines if dict(client.pubsub_numsub(channel))[channel] else set()


def test_an_outage_is_told_and_ends(own: OwnValkey, parts: Parts) -> None:
    own.kill()
    with pytest.raises(JobStoreUnavailable):
        parts.jobs.add(make_job())
    with pytest.raises(JobStoreUnavailable):
        parts.workers.ready()
    with pytest.raises(JobQueueUnavailable):
        parts.queue.send("lost")
    own.start()
    wait_until_answers(parts.jobs.ping, retry_on=JobStoreUnavailable)
    parts.queue.send("kept")
    assert parts.queue.depth() == 1
