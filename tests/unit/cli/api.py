"""A Timbre API of the tests' own: it answers as told, and remembers what it was asked."""

import hashlib
import json
from collections.abc import Callable
from typing import Any

import httpx

AUDIO = b"RIFF, as it were"
STORE = "http://store.test/timbre/outputs/1.wav?X-Amz-Signature=s"
Handler = Callable[[httpx.Request], httpx.Response]


def job(status: str = "queued", **more: Any) -> dict[str, Any]:
    done = status == "succeeded"
    output = {"format": "wav", "sha256": hashlib.sha256(AUDIO).hexdigest(), "duration_s": 1.5, "seed": 7}
    document: dict[str, Any] = {
        "job_id": "j1",
        "status": status,
        "result_url": STORE if done else None,
        "created_at": "2026-01-02T03:04:05+00:00",
        "progress": 1.0 if done else 0.25,
        "input": {"text": "Hello there."},
        "output": output if done else None,
        "error": None,
    }
    return document | more


def problem(status: int, headers: dict[str, str] | None = None, **members: Any) -> httpx.Response:
    body = {"type": "/problems/x", "title": "A title", "status": status, **members}
    return httpx.Response(
        status, content=json.dumps(body), headers={"content-type": "application/problem+json", **(headers or {})}
    )


class ScriptedApi:
    """`routes` maps "METHOD /path" to a list of answers; the last one is given again and again."""

    def __init__(self, routes: dict[str, list[httpx.Response | Exception]]) -> None:
        self.routes = {"GET /timbre/outputs/1.wav": [httpx.Response(200, content=AUDIO)], **routes}
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answers = self.routes[f"{request.method} {request.url.path}"]
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(answer, Exception):
            raise answer
        return httpx.Response(answer.status_code, headers=answer.headers, content=answer.content)

    def asked(self) -> list[str]:
        return [f"{request.method} {request.url.path}" for request in self.requests]
