"""Servers whose certificates an operator's own authority signed are believed where `SSL_CERT_FILE` names it."""

import socket
import ssl
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from queue import SimpleQueue
from threading import Thread

import pytest

from services.shared.adapters.celery_queue import create_celery
from services.shared.adapters.redis_client import connect_redis
from services.shared.adapters.s3_blobs import connect_s3
from services.shared.outbound.client import HttpOutbound
from services.shared.outbound.guard import Guard
from services.shared.outbound.testing import ScriptedResolver
from services.shared.settings import Settings
from services.shared.testing import make_settings
from tests.certificates import make_certificate


class Greeter:
    """Shakes hands over TLS, says nothing and hangs up."""

    def __init__(self, certificate: Path) -> None:
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._tls.load_cert_chain(certificate)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        #: Of each connection, whether the client believed the certificate.
        self.believed: SimpleQueue[bool] = SimpleQueue()
        Thread(target=self._greet, daemon=True).start()

    def _greet(self) -> None:
        with suppress(OSError):  # Closed.
            while True:
                self._shake(self._listener.accept()[0])

    def _shake(self, connection: socket.socket) -> None:
        with connection, suppress(ssl.SSLError, OSError):
            try:
                self._tls.wrap_socket(connection, server_side=True).close()
            except OSError:
                self.believed.put(False)
                raise
            self.believed.put(True)

    def close(self) -> None:
        # A close alone would not wake who waits in accept.
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_certificate(tmp_path_factory.mktemp("tls"), "localhost")


def ask_store(host: str) -> None:
    connect_s3(f"https://{host}", access_key="a", secret_key="b", region="us-east-1").bucket_exists("timbre")


def ask_redis(host: str) -> None:
    connect_redis(f"rediss://{host}/0").ping()


def ask_broker(host: str) -> None:
    connect_celery(make_settings(redis_url=f"rediss://{host}/0"))


def ask_rabbit(host: str) -> None:
    connect_celery(make_settings(broker_url=f"amqps://a:b@{host}//"))


def connect_celery(settings: Settings) -> None:
    create_celery(settings).connection_for_write().transport.establish_connection()


def tell_receiver(host: str) -> None:
    names = ScriptedResolver()
    names.answers = {"localhost": [["127.0.0.1"]]}
    HttpOutbound(Guard(["localhost"], names)).post(f"https://{host}/hook", b"{}", {}, seconds=10)


@pytest.mark.parametrize("ask", [ask_store, ask_redis, ask_broker, ask_rabbit, tell_receiver])
def test_an_authority_of_ones_own_is_believed_where_it_is_named(
    ask: Callable[[str], None], certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not believes(ask, certificate)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    assert believes(ask, certificate)


@pytest.mark.parametrize("ask", [ask_store, ask_redis, ask_broker, ask_rabbit])
def test_a_certificate_of_another_host_is_not_believed(
    ask: Callable[[str], None], certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    assert not believes(ask, certificate, "127.0.0.1")


def believes(ask: Callable[[str], None], certificate: Path, name: str = "localhost") -> bool:
    """Each time by a server of its own: clients try again, and what they then think may be told late."""
    with closing(Greeter(certificate)) as greeter:
        with suppress(Exception):  # Nobody gets an answer.
            ask(f"{name}:{greeter.port}")
        return greeter.believed.get(timeout=10)
