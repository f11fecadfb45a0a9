"""A port of a process's own for those who run it: its figures, and whether it lives and is ready."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

import structlog

from services.shared.ports import Meter
from services.shared.settings import Settings, SettingsError
from services.shared.telemetry.metric import Process

logger = structlog.get_logger(__name__)

#: A client that stops talking is let go.
_CLIENT_SECONDS: Final = 10.0

Ready = Callable[[], bool]
#: A status, a content type and what is said.
_Answer = tuple[HTTPStatus, str, bytes]


@contextmanager
def shown(process: Process, settings: Settings, meter: Meter, ready: Ready) -> Iterator[int | None]:
    """Meanwhile `/metrics`, `/healthz` and `/readyz` are served, on this port; None where none is asked for.

    Raises `SettingsError` where the port cannot be had.
    """
    port = settings.metrics_port(process)
    if port is None:
        yield None
        return
    server = _bind(f"{process.upper()}_METRICS_PORT", (settings.metrics_host, port), meter, ready)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, name="metrics", daemon=True)
    thread.start()
    bound = int(server.server_address[1])
    logger.info("metrics_shown", host=settings.metrics_host, port=bound)
    try:
        yield bound
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _bind(variable: str, address: tuple[str, int], meter: Meter, ready: Ready) -> "_Server":
    try:
        return _Server(address, meter, ready)
    except OSError as error:
        host, port = address
        raise SettingsError(
            f"{variable}: cannot listen on {host}:{port} ({error.strerror}); "
            "expected a port that no other process has, or 0 for any"
        ) from error


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, address: tuple[str, int], meter: Meter, ready: Ready) -> None:
        super().__init__(address, _Handler)
        self.meter = meter
        self.ready = ready

    def handle_error(self, *_: Any) -> None:
        """Clients that leave are no news."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = _CLIENT_SECONDS

    def do_GET(self) -> None:
        status, content_type, body = self._answer()
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _answer(self) -> _Answer:
        match self.path.partition("?")[0]:
            case "/metrics":
                body, content_type = self.server.meter.exposition(self.headers.get("Accept", ""))
                return HTTPStatus.OK, content_type, body
            case "/healthz":
                return _said(HTTPStatus.OK, "ok")
            case "/readyz":
                ready = self.server.ready()
                return _said(*((HTTPStatus.OK, "ready") if ready else (HTTPStatus.SERVICE_UNAVAILABLE, "not ready")))
            case _:
                return _said(HTTPStatus.NOT_FOUND, "there is nothing here; expected /metrics, /healthz or /readyz")

    def version_string(self) -> str:
        return "timbre"

    def log_message(self, *_: Any) -> None:
        """Asked every few seconds: worth no line."""


def _said(status: HTTPStatus, words: str) -> _Answer:
    return status, "application/json", json.dumps({"status": words}).encode()
