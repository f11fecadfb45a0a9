"""Real processes on loopback that tests start, pause and kill: Valkey, S3, workers and the control process."""

import hashlib
import io
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx

from f5_tts_core.testing import speech_like, wav_bytes
from services.shared.adapters.redis_client import connect_redis
from services.shared.adapters.s3_blobs import connect_s3
from services.shared.dispatch import dispatch
from services.shared.job import Job, JobStatus, long_text, text_key
from services.shared.parts import Parts, connect
from services.shared.servers import (
    LOOPBACK,
    Command,
    SeaweedPorts,
    free_port,
    seaweed_command,
    valkey_command,
    wait_until_answers,
)
from services.shared.settings import Settings, load_settings
from services.shared.testing import make_job

PASSWORD, ACCESS_KEY, SECRET_KEY = "valkey-password", "s3-access-key", "s3-secret-key"
REFERENCE = wav_bytes(speech_like(2.5))


class Child:
    """One process of the stack, its output in a file."""

    def __init__(self, command: Command, log: Path, ready: Callable[[], object] | None = None) -> None:
        self.log = log
        self._command = command
        self._ready = ready
        self.killed = False
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> "Child":
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(
                self._command.argv,
                env=self._command.environment(),
                cwd=self._command.cwd,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        if self._ready:
            wait_until_answers(self._ready, timeout_seconds=60, alive=lambda: self.process.poll() is None)
        return self

    @property
    def process(self) -> "subprocess.Popen[bytes]":
        assert self._process is not None
        return self._process

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def kill(self) -> None:
        """`kill -9`, and the end of it. A stopped process dies too."""
        if self._process and self._process.poll() is None:
            self.killed = True
            self._process.kill()
            self._process.wait()

    def wait(self, seconds: float) -> int:
        return self.process.wait(seconds)

    def events(self, name: str) -> list[dict[str, Any]]:
        """The JSON log lines with this event."""
        lines = [json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{")]
        return [line for line in lines if line.get("event") == name]


class Stack:
    """A Valkey, an S3 and whatever processes a test adds. `settings` are environment variables for those."""

    def __init__(self, root: Path, **settings: object) -> None:
        self._root = root
        self._children: list[Child] = []
        port, ports = free_port(), SeaweedPorts.choose()
        self.valkey = self._add("valkey", self._valkey_command(port), self._valkey_answers)
        self.s3 = self._add("s3", self._s3_command(ports), self._s3_answers)
        self._url = f"redis://:{PASSWORD}@{LOOPBACK}:{port}/0"
        self._endpoint = f"http://{LOOPBACK}:{ports.s3}"
        self._environ = {
            "REDIS_URL": self._url,
            "S3_ENDPOINT": self._endpoint,
            "S3_ACCESS_KEY": ACCESS_KEY,
            "S3_SECRET_KEY": SECRET_KEY,
            "ENGINE": "tone",
            "TRANSCRIBER": "none",
            **{name.upper(): str(value) for name, value in settings.items()},
        }
        self.settings: Settings = load_settings(self._environ)
        self.parts: Parts = connect(self.settings)

    def close(self) -> None:
        for child in reversed(self._children):
            child.kill()
        self.parts.close()

    # --- processes ------------------------------------------------------------------------------

    def control(self) -> Child:
        child = self._service("control", "services.worker.control").start()
        self.until(lambda: child.events("control_ready"), seconds=60)
        return child

    def worker(self, *, step_seconds: float = 0.0, ready: bool = True, **settings: str) -> Child:
        """A worker with the tone engine, each solver step of which takes `step_seconds`; waits until it is `ready`."""
        own = {name.upper(): value for name, value in settings.items()}
        child = self._service("worker", "services.worker.main", TONE_STEP_SECONDS=str(step_seconds), **own).start()
        if ready:
            self.until(lambda: child.events("worker_ready"), seconds=60)
        return child

    def api(self) -> str:
        """The API; its address."""
        port = free_port()
        url = f"http://{LOOPBACK}:{port}"
        self._service("api", "services.api.main", lambda: httpx.get(f"{url}/healthz"), API_PORT=str(port)).start()
        return url

    def _service(self, name: str, module: str, ready: Callable[[], object] | None = None, **environ: str) -> Child:
        env = self._environ | environ | {"OMP_NUM_THREADS": "1"}
        command = Command([sys.executable, "-m", module], env, Path.cwd())
        return self._add(f"{name}-{len(self._children)}", command, ready)

    def _add(self, name: str, command: Command, ready: Callable[[], object] | None = None) -> Child:
        child = Child(command, self._root / f"{name}.log", ready)
        self._children.append(child)
        return child

    def _valkey_command(self, port: int) -> Command:
        return valkey_command(port, self._root / "valkey", PASSWORD)

    def _s3_command(self, ports: SeaweedPorts) -> Command:
        return seaweed_command(ports, self._root / "s3", access_key=ACCESS_KEY, secret_key=SECRET_KEY)

    def _valkey_answers(self) -> None:
        with connect_redis(self._url) as client:
            client.ping()

    def _s3_answers(self) -> None:
        client = connect_s3(self._endpoint, access_key=ACCESS_KEY, secret_key=SECRET_KEY, region="us-east-1")
        try:
            client.list_buckets()
        finally:
            client._http.clear()

    def figures_url(self, process: str) -> str:
        """Where the first process of this name shows its figures."""
        (shown,) = self.find(process).events("metrics_shown")
        return f"http://{shown['host']}:{shown['port']}"

    def find(self, process: str) -> Child:
        """The first process of this name."""
        return next(child for child in self._children if child.log.name.startswith(f"{process}-"))

    # --- jobs -----------------------------------------------------------------------------------

    def submit(
        self, *, reference: bytes = REFERENCE, sent: bool = True, long: str | None = None, **overrides: object
    ) -> Job:
        """What the API does: reference, record, message, in this order; unless `sent`, it dies before the message.

        `long` is a long job's text.
        """
        digest = hashlib.sha256(reference).hexdigest()
        job = make_job(**{"created_at": time.time(), "seed": 7, "reference_sha256": digest} | overrides)
        if long is not None:
            told, content = long_text(long)
            job = replace(job, input=replace(job.input, long=told))
            self.parts.blobs.put(text_key(job.id), io.BytesIO(content), len(content), "text/plain")
        self.parts.blobs.put(job.input.reference_key, io.BytesIO(reference), len(reference), "audio/wav")
        self.parts.jobs.add(job)
        if sent:
            dispatch(self.parts)
        return job

    def job(self, job_id: str) -> Job:
        return self.parts.jobs.get(job_id)

    def until_working(self, job_id: str, seconds: float = 30.0) -> Job:
        """Wait until the first solver steps are done."""
        self.until(lambda: self.job(job_id).progress > 0, seconds)
        return self.job(job_id)

    def until_over(self, job_id: str, seconds: float = 30.0) -> Job:
        self.until(lambda: self.job(job_id).status.is_terminal, seconds)
        return self.job(job_id)

    def until(self, done: Callable[[], object], seconds: float = 30.0) -> None:
        deadline = time.monotonic() + seconds
        while not done():
            assert time.monotonic() < deadline, f"not within {seconds:g} s; logs:\n{self.logs()}"
            time.sleep(0.05)

    def logs(self) -> str:
        """What our own processes wrote, to be read when a test fails."""
        return "\n".join(f"--- {c.log.stem}\n{c.log.read_text()[-4_000:]}" for c in self._children[2:])

    def assert_succeeded_once(self, job: Job) -> None:
        """One commit by all workers together, and the audio that lies there is the one that was committed."""
        assert job.status is JobStatus.SUCCEEDED, f"{job.status} {job.fault}; logs:\n{self.logs()}"
        assert job.output is not None
        content = self.parts.blobs.get(job.output.key)
        assert hashlib.sha256(content).hexdigest() == job.output.sha256
        # The line in the log follows the commit; a worker that was killed between the two never wrote it.
        if not any(child.killed for child in self._children[2:]):
            self.until(lambda: self._ends_told(job.id))
        assert self._ends_told(job.id) in (["succeeded"], [])

    def _ends_told(self, job_id: str) -> list[str]:
        """The ends of this job that all processes together wrote into their logs."""
        ended = [event for child in self._children[2:] for event in child.events("job_ended")]
        return [event["status"] for event in ended if event["job_id"] == job_id]


@contextmanager
def running_stack(root: Path, **settings: object) -> Iterator[Stack]:
    """A stack whose servers answer. Every process is killed in the end."""
    stack = Stack(root, **settings)
    try:
        stack.valkey.start()
        stack.s3.start()
        yield stack
    finally:
        stack.close()
