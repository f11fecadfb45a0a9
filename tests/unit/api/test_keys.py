"""`/admin/keys`: made, listed, revoked; and how soon a key counts, and stops to count."""

from typing import Any

import pytest
from structlog.testing import capture_logs

from services.api.callers.key_cache import KeyCache
from services.shared.api_key import ApiKey, digest
from services.shared.testing import START, ManualClock, memory_parts
from services.shared.testing.keys import MemoryKeyStore
from tests.unit.api.client import ALICE, KEYS, Client, bearer, store_key

ADMIN_KEYS = "/admin/keys"


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def guarded(clock: ManualClock) -> Client:
    """An API that asks for keys, and at first knows none."""
    return Client(memory_parts(clock=clock, require_auth=True))


@pytest.fixture
def admin(guarded: Client) -> dict[str, str]:
    return bearer(store_key(guarded.parts, "operator", "admin"))


def make(client: Client, admin: dict[str, str], **fields: Any) -> dict[str, Any]:
    answer = client.post(ADMIN_KEYS, json={"tenant": "acme", **fields}, headers=admin)
    assert answer.status_code == 201, answer.text
    assert answer.headers["cache-control"] == "no-store"
    made: dict[str, Any] = answer.json()
    return made


# --- routes ----------------------------------------------------------------------------------------


def test_a_new_key_works_at_once_and_is_shown_once(guarded: Client, admin: dict[str, str]) -> None:
    fields = {"label": "site", "scopes": ["speech"], "expires_at": "2031-01-01T00:00:00Z", "requests_per_minute": 5}
    made = make(guarded, admin, **fields)
    key = made.pop("key")
    assert made == {
        "key_id": made["key_id"],
        "tenant": "acme",
        "created_at": made["created_at"],
        "concurrent_jobs": None,
        "audio_seconds_per_day": None,
        "weight": None,
        "max_priority": None,
        **fields,
    }
    assert guarded.get("/jobs", headers=bearer(key)).status_code == 200
    assert guarded.get("/jobs", headers={"X-API-Key": key}).status_code == 200
    for answer in (guarded.get(ADMIN_KEYS, headers=admin), guarded.get(f"/admin/keys/{made['key_id']}", headers=admin)):
        assert key not in answer.text
        assert digest(key) not in answer.text


def test_a_key_of_no_special_kind_speaks_and_stores_voices(guarded: Client, admin: dict[str, str]) -> None:
    made = make(guarded, admin)
    assert (made["scopes"], made["expires_at"], made["label"]) == (["speech", "voices"], None, "")


def test_keys_are_listed_newest_first_a_page_at_a_time(guarded: Client, admin: dict[str, str]) -> None:
    made = []
    for tenant in ("acme", "other", "acme"):
        guarded.parts.clock.advance(1)  # type: ignore[attr-defined]
        made.append(make(guarded, admin, tenant=tenant)["key_id"])
    page = guarded.get(f"{ADMIN_KEYS}?limit=2", headers=admin).json()
    assert [key["key_id"] for key in page["keys"]] == [made[2], made[1]]
    rest = guarded.get(f"{ADMIN_KEYS}?limit=2&cursor={page['next_cursor']}", headers=admin).json()
    assert [key["tenant"] for key in rest["keys"]] == ["acme", "operator"]
    ours = guarded.get(f"{ADMIN_KEYS}?tenant=acme", headers=admin).json()
    assert [key["key_id"] for key in ours["keys"]] == [made[2], made[0]]
    assert guarded.get(f"{ADMIN_KEYS}?cursor=x", headers=admin).status_code == 422


def test_a_revoked_key_is_refused_by_the_process_that_revoked_it(guarded: Client, admin: dict[str, str]) -> None:
    made = make(guarded, admin)
    assert guarded.get("/jobs", headers=bearer(made["key"])).status_code == 200
    assert guarded.delete(f"/admin/keys/{made['key_id']}", headers=admin).status_code == 204
    assert guarded.get("/jobs", headers=bearer(made["key"])).status_code == 401
    gone = guarded.delete(f"/admin/keys/{made['key_id']}", headers=admin)
    assert (gone.status_code, gone.json()["type"]) == (404, "/problems/key-not-found")


@pytest.mark.parametrize(
    ("fields", "field", "accepted"),
    [
        ({"tenant": "a:b"}, "tenant", "text"),
        ({"tenant": "anonymous"}, "tenant", "text"),
        ({"tenant": None}, "tenant", "text"),
        ({"scopes": []}, "scopes", "a list of speech, voices, voices:read, uploads, status, admin, *"),
        ({"scopes": ["root"]}, "scopes", "a list of speech, voices, voices:read, uploads, status, admin, *"),
        ({"expires_at": "soon"}, "expires_at", "a moment with its time zone, as 2031-01-01T00:00:00Z"),
        ({"expires_at": "2031-01-01T00:00:00"}, "expires_at", "a moment with its time zone, as 2031-01-01T00:00:00Z"),
        ({"requests_per_minute": -1}, "requests_per_minute", "a whole number from 0 to 1000000000"),
        ({"label": "x" * 65}, "label", "text of at most 64 characters"),
        ({"key": "mine"}, "key", None),
    ],
)
def test_what_no_key_can_be(
    guarded: Client, admin: dict[str, str], fields: dict[str, Any], field: str, accepted: str | None
) -> None:
    answer = guarded.post(ADMIN_KEYS, json={"tenant": "acme", **fields}, headers=admin)
    body = answer.json()
    assert (answer.status_code, body["type"], body["field"]) == (422, "/problems/field-invalid", field)
    assert accepted in (None, body["accepted"])


def test_where_nobody_is_asked_nobody_makes_keys(client: Client) -> None:
    """A key that a stranger made while the door was open would open it once it is shut."""
    answer = client.post(ADMIN_KEYS, json={"tenant": "acme"})
    assert (answer.status_code, answer.json()["type"]) == (403, "/problems/scope-missing")
    assert client.get("/jobs").status_code == client.get("/config").status_code == 200


def test_keys_of_the_settings_do_all_but_manage_keys(locked: Client) -> None:
    for path in ("/jobs", "/voices", "/config", "/health/detailed"):
        assert locked.get(path, headers=bearer(ALICE)).status_code == 200
    assert locked.get(ADMIN_KEYS, headers=bearer(ALICE)).status_code == 403


def test_keys_of_settings_and_store_work_side_by_side(locked: Client) -> None:
    job = locked.speak(headers=bearer(ALICE)).json()["job_id"]
    second = store_key(locked.parts, "alice")
    assert set(KEYS) == {"alice", "bob"}
    assert locked.get(f"/jobs/{job}", headers=bearer(second)).status_code == 200


def test_a_key_that_would_open_nothing_is_not_made(guarded: Client, admin: dict[str, str]) -> None:
    answer = guarded.post(ADMIN_KEYS, json={"tenant": "acme", "expires_at": "2020-01-01T00:00:00Z"}, headers=admin)
    assert (answer.status_code, answer.json()["field"]) == (422, "expires_at")
    assert [key["tenant"] for key in guarded.get(ADMIN_KEYS, headers=admin).json()["keys"]] == ["operator"]


def test_a_missing_scope_is_named(guarded: Client) -> None:
    answer = guarded.get("/jobs", headers=bearer(store_key(guarded.parts, "acme", "status")))
    assert answer.json()["accepted"] == "a key or token with the scope `speech`"
    assert answer.headers["www-authenticate"] == 'Bearer realm="timbre", error="insufficient_scope", scope="speech"'


def test_who_is_asked_for_no_key_is_told_that_one_is_needed_to_make_keys(client: Client) -> None:
    answer = client.get(ADMIN_KEYS)
    assert (answer.status_code, answer.json()["detail"][:22]) == (403, "Whoever sends no key h")


def test_the_log_tells_who_got_which_key_and_not_the_key(guarded: Client, admin: dict[str, str]) -> None:
    with capture_logs() as lines:
        made = make(guarded, admin)
        guarded.delete(f"/admin/keys/{made['key_id']}", headers=admin)
    told = {line["event"]: line for line in lines}
    assert told["key_added"]["owner"] == "acme"
    assert told["key_revoked"]["key_id"] == made["key_id"]
    assert made["key"] not in str(lines)


# --- the cache -------------------------------------------------------------------------------------


def test_a_known_key_costs_no_round_trip(guarded: Client, clock: ManualClock) -> None:
    key, store = store_key(guarded.parts, "acme"), guarded.parts.keys
    assert isinstance(store, MemoryKeyStore)
    for _ in range(5):
        assert guarded.get("/jobs", headers=bearer(key)).status_code == 200
    assert store.reads == 1
    clock.advance(5.0)
    guarded.get("/jobs", headers=bearer(key))
    assert store.reads == 2


def test_a_key_that_was_revoked_elsewhere_is_refused_within_seconds(guarded: Client, clock: ManualClock) -> None:
    key = store_key(guarded.parts, "acme")
    guarded.get("/jobs", headers=bearer(key))
    guarded.parts.keys.remove(key.split("_")[1])
    clock.advance(4.9)
    assert guarded.get("/jobs", headers=bearer(key)).status_code == 200
    clock.advance(0.1)
    assert guarded.get("/jobs", headers=bearer(key)).status_code == 401


def test_a_key_expires_by_itself_also_where_it_is_known(guarded: Client, clock: ManualClock) -> None:
    key = store_key(guarded.parts, "acme", expires_at=START + 3)
    assert guarded.get("/jobs", headers=bearer(key)).status_code == 200
    clock.advance(3)
    answer = guarded.get("/jobs", headers=bearer(key))
    assert (answer.status_code, answer.json()["detail"]) == (401, "The API key has expired.")


def test_what_cannot_be_a_key_is_not_looked_up(guarded: Client) -> None:
    store = guarded.parts.keys
    assert isinstance(store, MemoryKeyStore)
    for wrong in ("x", "tmb_x", "a.b.c", "tmb_0123456789abcdef_short"):
        assert guarded.get("/jobs", headers=bearer(wrong)).status_code == 401
    assert store.reads == 0


def test_a_store_that_is_away(guarded: Client, locked: Client) -> None:
    """Who is known is let in for a moment longer; of others nobody can tell."""
    known, other = store_key(guarded.parts, "acme"), store_key(guarded.parts, "acme")
    guarded.get("/v1/models", headers=bearer(known))
    guarded.parts.keys.down = True  # type: ignore[attr-defined]
    assert guarded.get("/v1/models", headers=bearer(known)).status_code == 200
    answer = guarded.get("/jobs", headers=bearer(other))
    assert (answer.status_code, answer.json()["type"]) == (503, "/problems/job-store-unavailable")
    assert answer.headers["retry-after"] == "5"
    locked.parts.keys.down = True  # type: ignore[attr-defined]
    assert locked.get("/jobs", headers=bearer(ALICE)).status_code == 200


@pytest.mark.anyio
async def test_the_cache_keeps_those_asked_for_last(clock: ManualClock) -> None:
    store = MemoryKeyStore()
    keys = [ApiKey.draw("acme", START)[1] for _ in range(3)]
    for key in keys:
        store.add(key)
    cache = KeyCache(store, clock, 60, size=2)
    for index in (0, 1, 0, 2, 0):
        assert await cache.get(keys[index].id) == keys[index]
    assert store.reads == 3
    await cache.get(keys[1].id)
    assert store.reads == 4


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"
