"""Around every request: its id, one log line, its count, and an answer even where our own code fails."""

import time
from collections.abc import MutableMapping
from contextlib import suppress
from http import HTTPMethod
from typing import Any

import structlog
from fastapi import Request
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.api.callers import allowances
from services.api.http.request_id import HEADER, choose_request_id
from services.api.listening.streamed import AnswerCut
from services.api.problems import internal_problem, respond
from services.shared.ports import Meter, Tracer
from services.shared.telemetry import metrics
from services.shared.telemetry.traceparent import trace_id

log = structlog.get_logger(__name__)

#: Asked every few seconds by whoever runs us; worth a line only where the answer is bad news.
PROBES = frozenset({"/healthz", "/readyz"})
_METHODS = frozenset({"WEBSOCKET", *HTTPMethod})
#: What is logged for a client that left before its answer; nobody receives it.
CLIENT_LEFT = 499
#: How a WebSocket is closed where our own code failed.
_INTERNAL_ERROR = 1011


class AccessLog:
    """Binds the request's id, and its trace's, to all that is logged meanwhile, and echoes the first."""

    def __init__(self, app: ASGIApp, meter: Meter, tracer: Tracer) -> None:
        self._app = app
        self._meter = meter
        self._tracer = tracer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        request_id = choose_request_id(Headers(scope=scope).get(HEADER))
        scope.setdefault("state", {})["request_id"] = request_id
        with structlog.contextvars.bound_contextvars(request_id=request_id, **self._traced()):
            await self._serve(scope, receive, _Answer(scope, send, request_id))

    async def _serve(self, scope: Scope, receive: Receive, answer: "_Answer") -> None:
        started = time.perf_counter()
        try:
            with suppress(ClientDisconnect):
                await self._app(scope, receive, answer.send)
        except AnswerCut as cut:
            # The server closes the line before the answer's end: that is how its client is told.
            log.warning("request.cut", path=_template(scope), reason=str(cut))
        except Exception:
            log.exception("request.failed", path=_template(scope))
            if not answer.status:
                await _apologize(scope, receive, answer.send)
        finally:
            self._note(scope, answer.status or CLIENT_LEFT, time.perf_counter() - started)

    def _traced(self) -> dict[str, str]:
        found = trace_id(self._tracer.current())
        return {"trace_id": found} if found else {}

    def _note(self, scope: Scope, status: int, seconds: float) -> None:
        labels = {"method": _method(scope), "route": _template(scope)}
        self._meter.count(metrics.REQUESTS, status=str(status), **labels)
        self._meter.observe(metrics.REQUEST_SECONDS, seconds, **labels)
        _log_line(scope, status, seconds)


class _Answer:
    """The way out: notes the status that passes (of a WebSocket its close code), and adds what every answer tells."""

    def __init__(self, scope: Scope, send: Send, request_id: str) -> None:
        self._scope = scope
        self.status = 0
        self._send = send
        self._request_id = request_id

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            MutableHeaders(scope=message).update({HEADER: self._request_id, **allowances.headers(self._scope)})
        elif message["type"] == "websocket.close":
            self.status = message["code"]
        await self._send(message)


async def _apologize(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": _INTERNAL_ERROR})
    else:
        await respond(Request(scope), internal_problem())(scope, receive, send)


def _log_line(scope: Scope, status: int, seconds: float) -> None:
    line: dict[str, Any] = {
        "method": _method(scope),
        "path": _template(scope),
        "status": status,
        "ms": round(seconds * 1000, 1),
    }
    job_id = _job_id(scope)
    if job_id:
        line["job_id"] = job_id
    say = log.debug if line["path"] in PROBES and status < 400 else log.info
    say("request", **line)


def _method(scope: Scope) -> str:
    """Of a request; those that HTTP does not know are all one."""
    method = scope.get("method", "WEBSOCKET")
    return str(method) if method in _METHODS else "unknown"


def _template(scope: Scope) -> str:
    """The route's path with its parameters unfilled, so that lines can be counted; unknown paths are all one."""
    return str(getattr(scope.get("route"), "path", "unknown"))


def _job_id(scope: Scope) -> str | None:
    state: MutableMapping[str, Any] = scope.get("state", {})
    found = state.get("job_id") or scope.get("path_params", {}).get("job_id")
    return str(found) if found else None
