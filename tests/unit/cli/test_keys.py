"""`timbre keys`, beside a real store."""

import json
import os
from pathlib import Path

import pytest
from redis import Redis
from typer.testing import CliRunner, Result

from services.cli import credentials, record
from services.cli.commands import keys
from services.cli.errors import CliError
from services.cli.home import Home
from services.cli.processes import ProcessRef
from services.cli.record import PartRecord, StackRecord
from services.cli.store import find_redis
from services.shared.adapters.redis_keys import RedisKeyStore
from services.shared.api_key import Quotas, digest
from services.shared.errors import KeyNotFound


class Keys:
    """The commands, on a store; `environ` says where it is."""

    def __init__(self, url: str) -> None:
        self.environ = {"REDIS_URL": url, "NO_COLOR": "1", "COLUMNS": "200"}

    def __call__(self, *words: str) -> Result:
        result = CliRunner().invoke(keys.app, words, env=self.environ)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result


@pytest.fixture
def timbre_keys(valkey: str, empty_valkey: Redis) -> Keys:
    return Keys(valkey)


@pytest.fixture
def store(empty_valkey: Redis) -> RedisKeyStore:
    return RedisKeyStore(empty_valkey)


def test_a_key_is_made_shown_once_and_listed_without_itself(timbre_keys: Keys, store: RedisKeyStore) -> None:
    answer = timbre_keys("create", "acme", "--label", "site", "--scope", "speech", "--requests-per-minute", "5")
    secret = answer.stdout.strip()
    key = store.get(secret.split("_")[1])
    assert (key.owner, key.label, key.scopes, key.expires_at) == ("acme", "site", ("speech",), None)
    assert (key.quotas, key.digest) == (Quotas(requests_per_minute=5), digest(secret))
    assert key.id in answer.stderr
    assert "REQUIRE_AUTH" in answer.stderr
    listed = timbre_keys("list").stdout
    assert key.id in listed
    assert "site" in listed
    assert secret not in listed


def test_a_key_for_some_days(timbre_keys: Keys, store: RedisKeyStore) -> None:
    made = json.loads(timbre_keys("create", "acme", "--days", "2", "--json").stdout)
    key = store.get(made["key_id"])
    assert key.expires_at == pytest.approx(key.created_at + 2 * 86_400)
    assert made["key"].startswith(f"tmb_{key.id}_")
    assert made["scopes"] == ["speech", "voices"]


def test_keys_are_listed_by_tenant_and_page(timbre_keys: Keys) -> None:
    ids = [json.loads(timbre_keys("create", who, "--json").stdout)["key_id"] for who in ("acme", "other", "acme")]
    ours = json.loads(timbre_keys("list", "--tenant", "acme", "--json").stdout)
    assert [key["key_id"] for key in ours["keys"]] == [ids[2], ids[0]]
    first = json.loads(timbre_keys("list", "--limit", "2", "--json").stdout)
    rest = json.loads(timbre_keys("list", "--limit", "2", "--cursor", first["next_cursor"], "--json").stdout)
    assert [key["key_id"] for key in [*first["keys"], *rest["keys"]]] == ids[::-1]
    assert timbre_keys("list", "--tenant", "nobody").stdout.strip() == "No keys."


def test_a_revoked_key_is_gone(timbre_keys: Keys, store: RedisKeyStore) -> None:
    key_id = json.loads(timbre_keys("create", "acme", "--json").stdout)["key_id"]
    assert "revoked" in timbre_keys("revoke", key_id).stdout
    with pytest.raises(KeyNotFound):
        store.get(key_id)
    with pytest.raises(CliError, match="no key"):
        timbre_keys("revoke", key_id)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("create", "a:b"), "tenant's name"),
        (("create", "anonymous"), "tenant's name"),
        (("create", "acme", "--scope", "root"), "no scope root"),
        (("create", "acme", "--label", "x" * 65), "64 characters"),
        (("create", "acme", "--days", "0"), "more than 0 days"),
        (("create", "acme", "--days", "-1"), "more than 0 days"),
        (("create", "acme", "--days", "nan"), "more than 0 days"),
        (("create", "acme", "--days", "1e9"), "at most 36500"),
        (("list", "--cursor", "?"), "cursor"),
    ],
)
def test_what_is_refused(timbre_keys: Keys, store: RedisKeyStore, words: tuple[str, ...], said: str) -> None:
    with pytest.raises(CliError, match=said):
        timbre_keys(*words)
    assert store.page(None, limit=1).keys == []


def test_a_server_that_is_away() -> None:
    with pytest.raises(CliError, match="does not answer"):
        Keys("redis://127.0.0.1:1/0")("list")


def test_the_store_of_this_homes_stack(home: Home) -> None:
    environ = {"TIMBRE_HOME": str(home.path)}
    with pytest.raises(CliError, match="Nothing is running"):
        find_redis(environ)
    password = credentials.load_or_create(home).redis_password
    parts = (PartRecord("valkey", "ready", address="127.0.0.1:1234"),)
    record.save(home, StackRecord("ready", ProcessRef.of(os.getpid()), "http://127.0.0.1:1", parts=parts))
    assert find_redis(environ) == f"redis://:{password}@127.0.0.1:1234/0"
    assert find_redis({**environ, "REDIS_URL": "redis://other/0"}) == "redis://other/0"


def test_a_stack_on_another_server_names_it(home: Home, tmp_path: Path) -> None:
    record.save(home, StackRecord("ready", ProcessRef.of(os.getpid()), "http://127.0.0.1:1"))
    with pytest.raises(CliError) as refused:
        find_redis({"TIMBRE_HOME": str(home.path)})
    assert "REDIS_URL" in refused.value.hint
