"""A Timbre API of the tests' own: it answers as told, and remembers what it was asked."""

import hashlib
import json
from collections.abc import Callable
from typing import Any

import httpx

from services.api.views.voice import voice_view
from services.shared.testing import START, ManualClock
from services.shared.testing.voices import make_voice
from timbre_client import Timbre

AUDIO = b"RIFF, as it were"
STORE = "http://store.test/timbre/outputs/1.wav?X-Amz-Signature=s"
Handler = Callable[[httpx.Request], httpx.Response]


def job(status: str = "queued", **more: Any) -> dict[str, Any]:
    done = status == "succeeded"
    output = {
        "format": "wav",
        "bytes": len(AUDIO),
        "sha256": hashlib.sha256(AUDIO).hexdigest(),
        "duration_s": 1.5,
        "seed": 7,
        "sample_rate": 24_000,
        "expires_at": "2026-01-03T03:04:05+00:00",
    }
    asked = {
        "text": "Hello there.",
        "reference_sha256": "0" * 64,
        "speed": 1.0,
        "nfe_step": 16,
        "cfg_strength": 2.0,
        "remove_silence": False,
        "format": "wav",
    }
    document: dict[str, Any] = {
        "job_id": "j1",
        "status": status,
        "result_url": STORE if done else None,
        "created_at": "2026-01-02T03:04:05+00:00",
        "progress": 1.0 if done else 0.25,
        "input": asked,
        "output": output if done else None,
        "error": None,
    }
    return document | more


def voice(voice_id: str, name: str) -> dict[str, Any]:
    """A voice as the API shows it."""
    return voice_view(make_voice(START, id=voice_id, name=name), "").model_dump(mode="json")


def client_of(api: "ScriptedApi") -> Timbre:
    """As `connected` makes it."""
    clock = ManualClock()
    transport = httpx.MockTransport(api)
    return Timbre("http://api.test", max_retries=0, transport=transport, sleep=clock.advance, clock=clock)


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
