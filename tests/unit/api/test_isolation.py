"""Every route, and everybody who has no business there.

The routes are read off the application: one that is not listed here, with what it asks for, fails the first test.
"""

import json
import re
from collections.abc import Iterator
from typing import Any, Final

import anyio
import httpx
import pytest
from fastapi.routing import iter_route_contexts

from services.shared.api_key import ApiKey, draw_unstored, stored_id
from services.shared.batch import new_batch
from services.shared.job import Job, new_id
from services.shared.parts import Parts
from services.shared.scopes import SCOPES
from services.shared.testing import ManualClock, make_job, memory_parts
from services.shared.testing.voices import make_voice
from services.shared.voice import Voice
from tests.unit.api.client import Client, add_job, bearer, run_job, store_key
from tests.unit.api.live import calling

Door = tuple[str, str]

#: For everybody: whether it lives, what it is, and how to use it.
PUBLIC: Final[set[Door]] = {
    ("GET", "/"),
    ("GET", "/docs"),
    ("GET", "/docs/assets"),
    ("GET", "/openapi.json"),
    ("GET", "/problems"),
    ("GET", "/problems/{slug}"),
    ("GET", "/healthz"),
    ("GET", "/readyz"),
    ("GET", "/version"),
}
#: For who has the scope; None: for who has any.
DOORS: Final[dict[Door, str | None]] = {
    ("POST", "/tts"): "speech",
    ("POST", "/tts/stream"): "speech",
    ("WEBSOCKET", "/tts/live"): "speech",
    ("GET", "/jobs"): "speech",
    ("GET", "/jobs/{job_id}"): "speech",
    ("DELETE", "/jobs/{job_id}"): "speech",
    ("POST", "/jobs/{job_id}/cancel"): "speech",
    ("GET", "/jobs/{job_id}/audio"): "speech",
    ("GET", "/jobs/{job_id}/stream"): "speech",
    ("WEBSOCKET", "/jobs/{job_id}/stream"): "speech",
    ("GET", "/jobs/{job_id}/events"): "speech",
    ("WEBSOCKET", "/jobs/{job_id}/ws"): "speech",
    ("GET", "/jobs/{job_id}/webhook"): "speech",
    ("POST", "/jobs/{job_id}/webhook/redeliver"): "speech",
    ("GET", "/webhook-secret"): "speech",
    ("POST", "/webhook-secret/rotate"): "speech",
    ("POST", "/batches"): "speech",
    ("GET", "/batches"): "speech",
    ("GET", "/batches/{batch_id}"): "speech",
    ("GET", "/batches/{batch_id}/results"): "speech",
    ("POST", "/batches/{batch_id}/cancel"): "speech",
    ("GET", "/batches/{batch_id}/webhook"): "speech",
    ("POST", "/batches/{batch_id}/webhook/redeliver"): "speech",
    ("DELETE", "/batches/{batch_id}"): "speech",
    ("POST", "/voices"): "voices",
    ("GET", "/voices"): "voices:read",
    ("GET", "/voices/{voice_id}"): "voices:read",
    ("PATCH", "/voices/{voice_id}"): "voices",
    ("DELETE", "/voices/{voice_id}"): "voices",
    ("GET", "/voices/{voice_id}/sample"): "voices",
    ("GET", "/voices/{voice_id}/consent"): "voices",
    ("POST", "/uploads"): "uploads",
    ("POST", "/admin/keys"): "admin",
    ("GET", "/admin/keys"): "admin",
    ("GET", "/admin/keys/{key_id}"): "admin",
    ("DELETE", "/admin/keys/{key_id}"): "admin",
    ("POST", "/v1/audio/speech"): "speech",
    ("POST", "/v1/text-to-speech"): "speech",
    ("POST", "/v1/text-to-speech/{voice_id}"): "speech",
    ("POST", "/v1/text-to-speech/{voice_id}/stream"): "speech",
    ("POST", "/api/v1/tts/generate"): "speech",
    ("POST", "/api/v1/tts/batch"): "speech",
    ("GET", "/api/v1/tts"): "speech",
    ("GET", "/api/v1/tts/{tts_id}"): "speech",
    ("DELETE", "/api/v1/tts/{tts_id}"): "speech",
    ("GET", "/api/v1/tts/stream/{tts_id}"): "speech",
    **{
        (method, f"{prefix}{path}"): "speech"
        for prefix in ("", "/v2/{endpoint_id}")
        for method, path in (
            ("POST", "/run"),
            ("POST", "/runsync"),
            ("GET", "/status/{job_id}"),
            ("POST", "/cancel/{job_id}"),
        )
    },
    ("GET", "/v1/models"): None,
    ("GET", "/v1/models/{model:path}"): None,
    ("GET", "/v1/voices"): "voices:read",
    ("GET", "/health/detailed"): "status",
    ("GET", "/config"): "status",
}
#: What gives a scope beside itself.
GIVERS: Final = {"voices:read": {"speech", "voices"}, "uploads": {"speech", "voices"}}

EACH_DOOR = pytest.mark.parametrize("door", DOORS, ids=" ".join)


#: Whose things a path may name, and what is answered where there is none.
THINGS: Final = {
    "{job_id}": "job-not-found",
    "{tts_id}": "job-not-found",
    "{batch_id}": "batch-not-found",
    "{voice_id}": "voice-not-found",
}


class Matrix:
    """An API that knows Alice, who has a finished job with a webhook, a batch, a voice and a key."""

    def __init__(self) -> None:
        self.parts: Parts = memory_parts(clock=ManualClock(), require_auth=True, key_cache_seconds=0)
        self.client = Client(self.parts)
        self.alice = store_key(self.parts, "alice", "*")
        self.job: Job = run_job(self.parts, add_job(self.parts, owner="alice", webhook_url="https://a.example/hook"))
        self.voice: Voice = make_voice(self.parts.clock(), owner="alice", name="Anna")
        self.parts.voices.add(self.voice, limit=10)
        self.batch = new_batch(new_id(self.parts.clock()), "alice", self.parts.clock(), 1)
        self.parts.batches.add(self.batch, [make_job(owner="alice", batch_id=self.batch.id)])

    def ask(self, door: Door, headers: dict[str, str] | None = None, **request: Any) -> tuple[int, str]:
        """The status, and of an error its type. A WebSocket's is its close code, less 4000."""
        method, template = door
        if method == "WEBSOCKET":
            return anyio.run(self._talk, self.fill(template), headers or {})
        answer = self.client.request(method, self.fill(template), headers=headers, **request)
        return answer.status_code, _type(answer)

    def fill(self, template: str) -> str:
        things = {
            "job_id": self.job.id,
            "tts_id": self.job.id,
            "endpoint_id": "any",
            "batch_id": self.batch.id,
            "voice_id": self.voice.id,
            "key_id": stored_id(self.alice),
            "model:path": "tts-1",
            "slug": "unauthorized",
        }
        for name, value in things.items():
            template = template.replace(f"{{{name}}}", str(value))
        return template

    def assert_untouched(self) -> None:
        assert self.parts.jobs.get(self.job.id) == self.job
        assert self.parts.voices.get(self.voice.id) == self.voice
        assert self.parts.batches.get(self.batch.id) == self.batch

    async def _talk(self, path: str, headers: dict[str, str]) -> tuple[int, str]:
        async with calling(self.client.app, path, headers=headers) as socket:
            socket.say('{"api_key": ""}')  # Heard where no header brings a key.
            socket.say(json.dumps({"voice_id": self.voice.id}))  # Heard where a text is to come.
            said = await socket.message()
            if said.get("event") == "error":
                said = await socket.message()
        return (said["code"] - 4000, said["reason"]) if "code" in said else (200, "")


@pytest.fixture
def matrix() -> Matrix:
    return Matrix()


def _type(answer: httpx.Response) -> str:
    if not answer.headers.get("content-type", "").endswith("json") or answer.is_success:
        return ""
    body = answer.json()
    if isinstance(body.get("error"), dict):
        return str(body["error"]["code"]).replace("_", "-")
    if isinstance(body["detail"], dict):
        return str(body["detail"]["status"]).replace("_", "-")
    return str(body["type"]).rpartition("/")[2]


def _without_ids(text: str) -> str:
    return re.sub("[0-9a-f]{32}", "0" * 32, text)


def _bad_credentials(matrix: Matrix) -> Iterator[dict[str, str]]:
    """None, and each kind of wrong one. Of each, what would let nobody in but for the very thing that is wrong."""
    parts = matrix.parts
    yield {}
    yield bearer("")
    yield bearer(draw_unstored())
    yield bearer(ApiKey.draw("alice", parts.clock())[0])
    yield bearer(matrix.alice[:-4] + ("AAAA" if not matrix.alice.endswith("AAAA") else "BBBB"))
    yield bearer(store_key(parts, "alice", "*", expires_at=parts.clock()))
    yield bearer("a.b.c")
    yield {"X-API-Key": f"{matrix.alice}x"}
    yield {"xi-api-key": f"{matrix.alice}x"}
    yield {"Authorization": f"Basic {matrix.alice}"}
    yield {"Authorization": matrix.alice}
    revoked = store_key(parts, "alice", "*")
    parts.keys.remove(stored_id(revoked) or "")
    yield bearer(revoked)


def test_every_route_is_listed_with_what_it_asks_for(matrix: Matrix) -> None:
    found: set[Door] = set()
    for route in iter_route_contexts(matrix.client.app.routes):
        is_socket = type(route.original_route).__name__ == "APIWebSocketRoute"
        methods = ["WEBSOCKET"] if is_socket else sorted(set(route.methods or {"GET"}) - {"HEAD"})
        found |= {(method, str(route.path)) for method in methods}
    assert found == PUBLIC | set(DOORS)


@EACH_DOOR
def test_who_brings_no_good_key_is_let_in_nowhere(matrix: Matrix, door: Door) -> None:
    for headers in _bad_credentials(matrix):
        status, kind = matrix.ask(door, headers)
        assert (status, kind) in ((401, "unauthorized"), (401, "invalid-api-key")), headers
    matrix.assert_untouched()


@EACH_DOOR
def test_who_has_every_other_scope_is_let_in_nowhere(matrix: Matrix, door: Door) -> None:
    needed = DOORS[door]
    others = [scope for scope in SCOPES if scope not in {needed, "*"} | GIVERS.get(needed or "", set())]
    status, kind = matrix.ask(door, bearer(store_key(matrix.parts, "alice", *others)))
    if needed is None:
        assert status == 200
    else:
        assert (status, kind) == (403, "scope-missing")
        matrix.assert_untouched()


@EACH_DOOR
def test_the_scope_alone_opens_the_door(matrix: Matrix, door: Door) -> None:
    for scope in {DOORS[door] or "status", *GIVERS.get(DOORS[door] or "", ())}:
        status, _ = Matrix.ask(fresh := Matrix(), door, bearer(store_key(fresh.parts, "alice", scope)))
        assert status not in (401, 403, 429, 500)


@pytest.mark.parametrize(
    ("door", "kind"),
    [pytest.param(door, THINGS[thing], id=" ".join(door)) for door in DOORS for thing in THINGS if thing in door[1]],
)
def test_another_tenants_things_do_not_exist(matrix: Matrix, door: Door, kind: str) -> None:
    mallory = bearer(store_key(matrix.parts, "mallory", "*"))
    body: dict[str, Any] = {"PATCH": {"json": {"name": "Mine"}}, "POST": {"json": {"text": "Hello."}}}.get(door[0], {})
    theirs = matrix.ask(door, mallory, **body)
    assert theirs == (404, kind)
    matrix.assert_untouched()
    # To the letter what is answered where there is nothing at all, so that nothing can be guessed.
    if door[0] != "WEBSOCKET":
        path = matrix.fill(door[1])
        answers = [
            matrix.client.request(door[0], one, headers=mallory, **body).text for one in (path, _without_ids(path))
        ]
        assert _without_ids(answers[0]) == _without_ids(answers[1])


@pytest.mark.parametrize("path", ["/jobs", "/api/v1/tts", "/batches", "/voices", "/voices?name=Anna", "/v1/voices"])
def test_lists_hold_ones_own_alone(matrix: Matrix, path: str) -> None:
    listed = {
        who: matrix.client.get(path, headers=bearer(key)).text
        for who, key in (("alice", matrix.alice), ("mallory", store_key(matrix.parts, "mallory", "*")))
    }
    things = {"/jobs": matrix.job.id, "/api/v1/tts": matrix.job.id, "/batches": matrix.batch.id}
    theirs = things.get(path, matrix.voice.id)
    assert theirs in listed["alice"]
    assert theirs not in listed["mallory"]


def test_nobody_speaks_with_anothers_voice(matrix: Matrix) -> None:
    mallory = bearer(store_key(matrix.parts, "mallory", "*"))
    form = {"text": (None, "Hello."), "voice_id": (None, matrix.voice.id)}
    assert matrix.ask(("POST", "/tts"), mallory, files=form) == (404, "voice-not-found")
    for name in (matrix.voice.id, matrix.voice.name):
        body = {"model": "tts-1", "input": "Hello.", "voice": name}
        assert matrix.ask(("POST", "/v1/audio/speech"), mallory, json=body) == (404, "voice-not-found")
        body = {"text": "Hello.", "voice_id": name}
        assert matrix.ask(("POST", "/v1/text-to-speech"), mallory, json=body) == (404, "voice-not-found")
    body = {"text": "Hello.", "voice_id": matrix.voice.id}
    assert matrix.ask(("POST", "/api/v1/tts/generate"), mallory, json=body) == (404, "voice-not-found")
    assert matrix.ask(("POST", "/run"), mallory, json={"input": body}) == (404, "voice-not-found")
    items = {"items": [{"text": "Hello."}], "voice_id": matrix.voice.id}
    assert matrix.ask(("POST", "/batches"), mallory, json=items) == (404, "voice-not-found")
    items = {"items": [{"text": "Hello.", "voice_id": matrix.voice.id}]}
    assert matrix.ask(("POST", "/batches"), mallory, json=items) == (422, "batch-items-invalid")
    assert matrix.ask(("WEBSOCKET", "/tts/live"), mallory) == (404, "voice-not-found")
    assert not matrix.parts.jobs.page("mallory", limit=1).jobs


def test_a_cursor_of_anothers_list_leads_into_ones_own(matrix: Matrix) -> None:
    for _ in range(3):
        add_job(matrix.parts, owner="alice")
    cursor = matrix.client.get("/jobs?limit=2", headers=bearer(matrix.alice)).json()["next_cursor"]
    mallory = bearer(store_key(matrix.parts, "mallory", "*"))
    assert matrix.client.get(f"/jobs?limit=2&cursor={cursor}", headers=mallory).json()["jobs"] == []


def test_an_idempotency_key_of_another_tenant_is_unknown(matrix: Matrix) -> None:
    mine = [
        matrix.client.speak(headers={**bearer(key), "Idempotency-Key": "1"}).json()["job_id"]
        for key in (matrix.alice, store_key(matrix.parts, "mallory", "*"))
    ]
    assert mine[0] != mine[1]


def test_two_keys_of_one_tenant_see_the_same(matrix: Matrix) -> None:
    other = bearer(store_key(matrix.parts, "alice", "speech"))
    assert matrix.ask(("GET", "/jobs/{job_id}"), other)[0] == 200


@pytest.mark.parametrize("door", sorted(PUBLIC), ids=" ".join)
def test_what_is_public_asks_for_nothing(matrix: Matrix, door: Door) -> None:
    path = "/docs/assets/swagger-ui.css" if door[1] == "/docs/assets" else matrix.fill(door[1])
    for headers in ({}, bearer("wrong")):
        answer = matrix.client.request(door[0], path, headers=headers)
        assert answer.status_code in (200, 307)
        assert "alice" not in answer.text


def test_the_settings_tell_no_tenant_of_another(matrix: Matrix) -> None:
    shown = matrix.client.get("/config", headers=bearer(store_key(matrix.parts, "mallory", "status"))).text
    assert "alice" not in shown
