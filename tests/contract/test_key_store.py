"""What every `KeyStore` must do."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from redis import Redis

from services.shared.adapters.redis_keys import RedisKeyStore
from services.shared.api_key import ApiKey, Quotas
from services.shared.errors import JobStoreUnavailable, KeyNotFound
from services.shared.ports import KeyStore
from services.shared.testing import START
from services.shared.testing.keys import MemoryKeyStore


@dataclass(frozen=True)
class Harness:
    store: KeyStore
    #: The same port on a server that does not answer.
    down: Callable[[], KeyStore]


@pytest.fixture(params=["memory", "redis"])
def harness(request: pytest.FixtureRequest) -> Iterator[Harness]:
    if request.param == "memory":
        memory = MemoryKeyStore()
        yield Harness(memory, lambda: _switch_off(memory))
    else:
        unreachable = Redis(port=1, decode_responses=True, retry=None)
        yield Harness(RedisKeyStore(request.getfixturevalue("empty_valkey")), lambda: RedisKeyStore(unreachable))


@pytest.fixture
def store(harness: Harness) -> KeyStore:
    return harness.store


def _switch_off(store: MemoryKeyStore) -> KeyStore:
    store.down = True
    return store


def _added(store: KeyStore, owner: str = "acme", created_at: float = START, **fields: object) -> ApiKey:
    _, key = ApiKey.draw(owner, created_at, **fields)
    store.add(key)
    return key


def test_a_key_comes_back_as_it_was_stored(store: KeyStore) -> None:
    quotas = Quotas(requests_per_minute=0, audio_seconds=1.5)
    full = _added(store, scopes=("voices", "*"), label="Grüße 你好", expires_at=START + 5, quotas=quotas)
    bare = _added(store)
    assert (store.get(full.id), store.get(bare.id)) == (full, bare)
    store.add(full)
    assert len(store.page(None, limit=10).keys) == 2


def test_an_unknown_key(store: KeyStore) -> None:
    _added(store)
    for call in (store.get, store.remove):
        with pytest.raises(KeyNotFound):
            call("0" * 16)


def test_removed_is_gone_everywhere(store: KeyStore) -> None:
    key, other = _added(store), _added(store)
    store.remove(key.id)
    with pytest.raises(KeyNotFound):
        store.get(key.id)
    with pytest.raises(KeyNotFound):
        store.remove(key.id)
    for owner in (None, "acme"):
        assert list(store.page(owner, limit=10).keys) == [other]


def test_a_tenants_keys_are_listed_apart(store: KeyStore) -> None:
    mine, theirs = _added(store, "acme"), _added(store, "acme2", START + 1)
    assert list(store.page("acme", limit=10).keys) == [mine]
    assert list(store.page("acme2", limit=10).keys) == [theirs]
    assert list(store.page("acm", limit=10).keys) == []
    assert list(store.page(None, limit=10).keys) == [theirs, mine]


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 8, 100])
def test_pages_hold_everything_once_newest_first(store: KeyStore, limit: int) -> None:
    keys = [_added(store, created_at=START + number // 3) for number in range(8)]
    newest_first = sorted(keys, key=lambda key: (key.created_at, key.id), reverse=True)
    seen: list[ApiKey] = []
    cursor = None
    while True:
        page = store.page("acme", limit=limit, cursor=cursor)
        seen += page.keys
        cursor = page.next_cursor
        if cursor is None:
            break
    assert seen == newest_first


@pytest.mark.parametrize("cursor", ["?", "é", "a", ""])
def test_a_cursor_that_is_not_ours(store: KeyStore, cursor: str) -> None:
    with pytest.raises(ValueError, match="cursor"):
        store.page(None, limit=10, cursor=cursor)


def test_a_store_that_is_away(harness: Harness) -> None:
    _, key = ApiKey.draw("acme", START)
    down = harness.down()
    for call in (
        lambda: down.add(key),
        lambda: down.get(key.id),
        lambda: down.remove(key.id),
        lambda: down.page(None, limit=1),
    ):
        with pytest.raises(JobStoreUnavailable):
            call()


def test_the_key_itself_is_nowhere_in_the_store(empty_valkey: Redis) -> None:
    secret, key = ApiKey.draw("acme", START)
    RedisKeyStore(empty_valkey).add(key)
    held = [str(name) + str(empty_valkey.dump(name)) for name in empty_valkey.keys("*")]
    assert len(held) == 3
    assert not any(secret in one or secret.rpartition("_")[2] in one for one in held)


def test_a_newer_releases_fields_are_skipped(empty_valkey: Redis) -> None:
    store = RedisKeyStore(empty_valkey)
    key = _added(store)
    name = f"timbre:{{jobs}}:key:{key.id}"
    document = str(empty_valkey.get(name)).replace('{"version":1', '{"version":1,"novelty":[1]', 1)
    empty_valkey.set(name, document.replace('"quotas":{', '"quotas":{"novelty":2,'))
    assert store.get(key.id) == key
