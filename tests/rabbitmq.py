"""Debian's RabbitMQ: one node on loopback, with a port mapper of its own, whose files all lie in one folder."""

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from kombu import Connection

from services.shared.adapters.celery_queue import CONTROL_QUEUE
from services.shared.adapters.queue_turns import queue_of
from services.shared.lane import lanes_of
from services.shared.servers import LOOPBACK, free_port, wait_until_answers
from tests.certificates import make_certificate
from tests.missing import missing

USER, VHOST, QUORUM_VHOST = "timbre", "spoken/words", "quorum"
#: What has a meaning in URLs, so that whoever forgets to unquote it is refused.
PASSWORD = "rabbit:pass/w@rd"

#: The second one's queues are kept by a majority of a cluster's nodes; here, of one.
_VHOSTS = {VHOST: "classic", QUORUM_VHOST: "quorum"}
#: As docs/production.md has operators give them.
_PERMISSIONS = dict.fromkeys(("configure", "write", "read"), r"^(synthesis|control|amq\.default)")
_DEFINITIONS = {
    "users": [{"name": USER, "password": PASSWORD, "tags": []}],
    "vhosts": [{"name": name, "metadata": {"default_queue_type": kind}} for name, kind in _VHOSTS.items()],
    "permissions": [{"user": USER, "vhost": name, **_PERMISSIONS} for name in _VHOSTS],
}

#: Whose queues tests use.
MODELS = (None, "base", "candidate")

#: Where Debian keeps the scripts themselves: those on its PATH change the user first.
_BEHIND_WRAPPERS = "/usr/lib/rabbitmq/bin"


class RabbitServer:
    """A node that can be killed, frozen and started again, with the messages that it had on disk."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._port, self._tls_port, self._mapper_port = free_port(), free_port(), free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self.certificate = make_certificate(folder, "localhost")
        user, vhost = f"{USER}:{quote(PASSWORD, safe='')}", quote(VHOST, safe="")
        self.url = f"amqp://{user}@{LOOPBACK}:{self._port}/{vhost}"
        self.quorum_url = f"amqp://{user}@{LOOPBACK}:{self._port}/{QUORUM_VHOST}"
        self.tls_url = f"amqps://{user}@localhost:{self._tls_port}/{vhost}"

    def start(self) -> None:
        with (self._folder / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                [_binary("rabbitmq-server")],
                env=self._environment(),
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                # The script waits for the server that it starts: both are in this group.
                start_new_session=True,
            )
        wait_until_answers(self._answers, timeout_seconds=120, alive=lambda: self._process.poll() is None)

    def send(self, number: signal.Signals) -> None:
        assert self._process is not None
        os.killpg(self._process.pid, number)

    def kill(self) -> None:
        if self._process is not None:
            self.send(signal.SIGKILL)
            self._process.wait()
            self._process = None

    def clear(self) -> None:
        """Delete the queues of tests: AMQP cannot ask which there are."""
        names = [queue_of(lane) for lane in lanes_of(MODELS)]
        for url in (self.url, self.quorum_url):
            with Connection(url) as connection, connection.channel() as channel:
                for name in (*names, CONTROL_QUEUE):
                    channel.queue_delete(name)

    @contextmanager
    def mapped(self) -> Iterator[None]:
        """Erlang's port mapper, as a child of ours: the one that a node starts for itself outlives it."""
        command = [_binary("epmd"), "-address", LOOPBACK, "-port", str(self._mapper_port)]
        mapper = subprocess.Popen(command, stdin=subprocess.DEVNULL)
        try:
            yield
        finally:
            mapper.kill()
            mapper.wait()

    def _answers(self) -> None:
        with Connection(self.url, connect_timeout=5) as connection:
            connection.connect()

    def _environment(self) -> dict[str, str]:
        config = {
            "listeners.tcp.1": f"{LOOPBACK}:{self._port}",
            "listeners.ssl.1": f"{LOOPBACK}:{self._tls_port}",
            "ssl_options.certfile": f"{self.certificate}.crt",
            "ssl_options.keyfile": f"{self.certificate}.key",
            "load_definitions": str(self._folder / "definitions.json"),
            "log.console": "true",
            "log.file": "false",
        }
        (self._folder / "rabbitmq.conf").write_text("".join(f"{name} = {value}\n" for name, value in config.items()))
        (self._folder / "plugins").write_text("[].\n")
        (self._folder / "definitions.json").write_text(json.dumps(_DEFINITIONS))
        return os.environ | {
            # The cookie lies at home.
            "HOME": str(self._folder),
            "RABBITMQ_NODENAME": "timbre@localhost",
            "RABBITMQ_CONFIG_FILE": str(self._folder / "rabbitmq.conf"),
            "RABBITMQ_CONF_ENV_FILE": str(self._folder / "none"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self._folder / "plugins"),
            "RABBITMQ_MNESIA_BASE": str(self._folder / "data"),
            "RABBITMQ_LOG_BASE": str(self._folder / "log"),
            "RABBITMQ_DIST_PORT": str(free_port()),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1} +S 1:1",
            "ERL_EPMD_ADDRESS": LOOPBACK,
            "ERL_EPMD_PORT": str(self._mapper_port),
        }


@contextmanager
def running_rabbitmq(folder: Path) -> Iterator[RabbitServer]:
    server = RabbitServer(folder)
    with server.mapped():
        try:
            server.start()
            yield server
        finally:
            server.kill()


def _binary(name: str) -> str:
    found = shutil.which(name, path=os.pathsep.join([_BEHIND_WRAPPERS, os.environ.get("PATH", os.defpath)]))
    if found is None:
        missing(f"{name} is not installed (Debian's package rabbitmq-server)")
    return found
