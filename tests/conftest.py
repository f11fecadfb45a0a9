"""Real servers for the tests that need them: one Valkey and one S3 a session, emptied for every test."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from redis import Redis

from services.shared.adapters.redis_client import connect_redis
from services.shared.adapters.s3_blobs import connect_s3
from services.shared.parts import Parts, connect
from services.shared.servers import (
    LOOPBACK,
    Command,
    SeaweedPorts,
    ServerMissing,
    free_port,
    seaweed_command,
    valkey_command,
    wait_until_answers,
)
from services.shared.settings import Settings
from services.shared.testing import make_settings
from tests.missing import missing
from tests.s3_server import S3Server

# The GPU's kernels run by Triton's interpreter. It asks for this when it is first imported, by whomever.
os.environ["TRITON_INTERPRET"] = "1"

if TYPE_CHECKING:
    from services.shared.adapters.otel_tracer import OtelTracer
    from tests.collector import Collector
    from tests.rabbitmq import RabbitServer


@pytest.fixture(scope="session")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a running Valkey."""
    port, password = free_port(), "valkey-password"
    with _missing_server_skips():
        command = valkey_command(port, tmp_path_factory.mktemp("valkey"), password)
    url = f"redis://:{password}@{LOOPBACK}:{port}/0"
    with _running(command) as process, connect_redis(url) as client:
        wait_until_answers(client.ping, alive=lambda: process.poll() is None)
        yield url


@pytest.fixture(scope="session")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """A running S3 server without buckets."""
    ports = SeaweedPorts.choose()
    server = S3Server(f"http://{LOOPBACK}:{ports.s3}", "s3-access-key", "s3-secret-key", ports.filer)
    keys = {"access_key": server.access_key, "secret_key": server.secret_key}
    with _missing_server_skips():
        command = seaweed_command(ports, tmp_path_factory.mktemp("s3"), **keys)
    with _running(command) as process:
        client = connect_s3(server.endpoint, region="us-east-1", **keys)
        wait_until_answers(client.list_buckets, alive=lambda: process.poll() is None)
        yield server


@pytest.fixture(scope="session")
def rabbit_server(tmp_path_factory: pytest.TempPathFactory) -> "Iterator[RabbitServer]":
    """A running RabbitMQ. Who kills it starts it again."""
    from tests.rabbitmq import running_rabbitmq

    with running_rabbitmq(tmp_path_factory.mktemp("rabbitmq")) as server:
        yield server


@pytest.fixture
def rabbitmq(rabbit_server: "RabbitServer") -> str:
    """The URL of a RabbitMQ without queues."""
    rabbit_server.clear()
    return rabbit_server.url


@pytest.fixture
def quorum(rabbitmq: str, rabbit_server: "RabbitServer") -> str:
    """The URL of a RabbitMQ without queues, and whose queues are quorum queues."""
    return rabbit_server.quorum_url


@pytest.fixture
def empty_valkey(valkey: str) -> Iterator[Redis]:
    """A client of a Valkey without keys."""
    with connect_redis(valkey) as client:
        client.flushall()
        yield client


@pytest.fixture
def settings(valkey: str, s3: S3Server, empty_valkey: Redis) -> Settings:
    """Settings of the real servers; no job is left of the tests before."""
    return make_settings(
        redis_url=valkey, s3_endpoint=s3.endpoint, s3_access_key=s3.access_key, s3_secret_key=s3.secret_key
    )


@pytest.fixture
def parts(settings: Settings) -> Iterator[Parts]:
    """Parts on the real servers."""
    parts = connect(settings)
    yield parts
    parts.close()


@pytest.fixture
def collector() -> "Iterator[Collector]":
    """Takes traces."""
    from tests.collector import collecting

    with collecting() as collector:
        yield collector


@pytest.fixture
def tracer(collector: "Collector") -> "Iterator[OtelTracer]":
    """A worker's, whose spans the collector takes."""
    from services.shared.adapters.otel_tracer import OtelTracer

    tracer = OtelTracer("worker", f"{collector.url}/")
    yield tracer
    tracer.close()


@contextmanager
def _missing_server_skips() -> Iterator[None]:
    try:
        yield
    except ServerMissing as error:
        missing(str(error))


@contextmanager
def _running(command: Command) -> Iterator["subprocess.Popen[bytes]"]:
    log = Path(command.cwd) / "server.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command.argv, env=command.environment(), cwd=command.cwd, stdout=output, stderr=subprocess.STDOUT
        )
        try:
            yield process
        finally:
            # Nothing of theirs is worth a clean stop, which may take SeaweedFS half a minute.
            process.kill()
            process.wait()
