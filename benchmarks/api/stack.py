"""The processes that are measured, on loopback: Valkey and SeaweedFS once, and deployments that share nothing else."""

import os
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

from services.cli import probes
from services.cli.part import Probe
from services.shared.parts import Parts, connect
from services.shared.servers import (
    LOOPBACK,
    Command,
    SeaweedPorts,
    ServerSilent,
    free_port,
    seaweed_command,
    valkey_command,
    wait_until_answers,
)
from services.shared.settings import Settings, load_settings

_ROOT: Final = Path(__file__).resolve().parents[2]
_START_SECONDS: Final = 120.0
_STOP_SECONDS: Final = 30.0


class Deployment:
    """A database of Valkey's and the bucket, and the processes that are started on them."""

    def __init__(self, environ: dict[str, str], logs: Path) -> None:
        self._environ = environ
        self._logs = logs
        self.settings: Settings = load_settings(environ)

    @contextmanager
    def parts(self) -> Iterator[Parts]:
        parts = connect(self.settings)
        try:
            yield parts
        finally:
            parts.close()

    @contextmanager
    def api(self) -> Iterator[str]:
        """The API; its address."""
        with self._server("services.api.main") as url:
            yield url

    @contextmanager
    def bare(self) -> Iterator[str]:
        """The least that takes uploads; its address."""
        with self._server("benchmarks.api.bare") as url:
            yield url

    @contextmanager
    def worker(self) -> Iterator[None]:
        """A worker with the tone engine, which costs next to nothing."""
        ready = probes.worker_announced(self.settings)
        with _running(self._module("services.worker.main"), self._log("services.worker.main"), ready):
            yield

    @contextmanager
    def control(self) -> Iterator[None]:
        log = self._log("services.worker.control")
        with _running(self._module("services.worker.control"), log, lambda _: "control_ready" in log.read_text()):
            yield

    @contextmanager
    def _server(self, module: str) -> Iterator[str]:
        port = free_port()
        url = f"http://{LOOPBACK}:{port}"
        with _running(self._module(module, API_PORT=str(port)), self._log(module), probes.api_ready(url)):
            yield url

    def _module(self, module: str, **environ: str) -> Command:
        return Command([sys.executable, "-m", module], {**self._environ, **environ}, _ROOT)

    def _log(self, module: str) -> Path:
        return self._logs / f"{module}-{secrets.token_hex(4)}.log"


class Stack:
    """Servers that run."""

    def __init__(self, scratch: Path, redis_url: str, environ: dict[str, str]) -> None:
        self._scratch = scratch
        self._redis_url = redis_url
        self._environ = environ
        self._databases = 0

    def deployment(self, **settings: str) -> Deployment:
        """An empty one. `settings` are environment variables of its processes."""
        environ = self._environ | {"REDIS_URL": f"{self._redis_url}/{self._databases}"} | settings
        self._databases += 1
        return Deployment(environ, self._scratch)


@contextmanager
def running_stack(scratch: Path) -> Iterator[Stack]:
    """Raises `ServerMissing`, `ServerSilent`. Whatever was started has ended in the end."""
    password, access_key, secret_key = (secrets.token_hex(16) for _ in range(3))
    port, ports = free_port(), SeaweedPorts.choose()
    redis_url = f"redis://:{password}@{LOOPBACK}:{port}"
    environ = {
        "S3_ENDPOINT": f"http://{LOOPBACK}:{ports.s3}",
        "S3_ACCESS_KEY": access_key,
        "S3_SECRET_KEY": secret_key,
        "ENGINE": "tone",
        "TRANSCRIBER": "none",
    }
    settings = load_settings(environ | {"REDIS_URL": f"{redis_url}/0"})
    valkey = valkey_command(port, scratch / "valkey", password)
    seaweed = seaweed_command(ports, scratch / "s3", access_key=access_key, secret_key=secret_key)
    with ExitStack() as servers:
        servers.enter_context(_running(valkey, scratch / "valkey.log", probes.redis_answers(settings)))
        servers.enter_context(_running(seaweed, scratch / "s3.log", probes.s3_takes_writes(settings)))
        yield Stack(scratch, redis_url, environ)


@contextmanager
def _running(command: Command, log: Path, ready: Probe) -> Iterator[None]:
    """The process, ready. Raises `ServerSilent` with what it said last."""
    born = time.time()
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603 - our own commands
            command.argv, env=_environment(command), cwd=command.cwd, stdout=output, stderr=subprocess.STDOUT
        )

    def ask() -> None:
        if not ready(born):
            raise ServerSilent

    try:
        try:
            wait_until_answers(ask, timeout_seconds=_START_SECONDS, alive=lambda: process.poll() is None)
        except ServerSilent as error:
            raise ServerSilent(f"{error} {log.stem}:\n{log.read_text()[-2_000:]}") from error
        yield
    finally:
        _stop(process)


def _environment(command: Command) -> dict[str, str]:
    """Ours, but for settings that somebody's shell may hold."""
    kept = {name: value for name, value in os.environ.items() if name.lower() not in Settings.model_fields}
    return {**kept, **command.env}


def _stop(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
