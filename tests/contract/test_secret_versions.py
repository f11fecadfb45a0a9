"""What every `SecretVersions` must do."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest
from redis import Redis

from services.shared.adapters.redis_secrets import RedisSecretVersions
from services.shared.errors import JobStoreUnavailable
from services.shared.ports import SecretVersion, SecretVersions
from services.shared.testing import START
from services.shared.testing.secrets import MemorySecretVersions


@dataclass(frozen=True)
class Harness:
    versions: SecretVersions
    #: The same port on a server that does not answer.
    down: Callable[[], SecretVersions]


def _down() -> MemorySecretVersions:
    versions = MemorySecretVersions()
    versions.down = True
    return versions


@pytest.fixture(params=["memory", "redis"])
def harness(request: pytest.FixtureRequest) -> Harness:
    if request.param == "memory":
        return Harness(MemorySecretVersions(), _down)
    client: Redis = request.getfixturevalue("empty_valkey")
    return Harness(
        RedisSecretVersions(client), lambda: RedisSecretVersions(Redis(port=1, decode_responses=True, retry=None))
    )


def test_everybody_begins_with_the_first(harness: Harness) -> None:
    assert harness.versions.current("anna") == SecretVersion(0, None)


def test_the_next_counts_from_its_moment_on_and_for_its_owner(harness: Harness) -> None:
    assert harness.versions.rotate("anna", START) == SecretVersion(1, START) == harness.versions.current("anna")
    assert harness.versions.rotate("anna", START + 0.5) == SecretVersion(2, START + 0.5)
    assert harness.versions.current("anna") == SecretVersion(2, START + 0.5)
    assert harness.versions.current("bert") == SecretVersion()


def test_of_many_at_once_each_is_another(harness: Harness) -> None:
    with ThreadPoolExecutor(8) as pool:
        made = pool.map(lambda _: harness.versions.rotate("anna", START).number, range(24))
        assert sorted(made) == list(range(1, 25))


def test_a_store_that_is_away(harness: Harness) -> None:
    down = harness.down()
    for call in (lambda: down.current("anna"), lambda: down.rotate("anna", START)):
        with pytest.raises(JobStoreUnavailable):
            call()
