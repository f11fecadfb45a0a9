"""What every `ResultIndex` must do."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest
from redis import Redis

from services.shared.adapters.redis_results import RedisResultIndex
from services.shared.errors import JobStoreUnavailable
from services.shared.ports import ResultIndex
from services.shared.testing import ManualClock
from services.shared.testing.results import MemoryResultIndex

TTL = 3_600


@dataclass(frozen=True)
class Harness:
    index: ResultIndex
    #: What the end of its lifetime does to a digest's entry.
    vanish: Callable[[str], object]


@pytest.fixture(params=["memory", "redis"])
def harness(request: pytest.FixtureRequest) -> Iterator[Harness]:
    if request.param == "memory":
        clock = ManualClock()
        yield Harness(MemoryResultIndex(clock), lambda _digest: clock.advance(TTL))
    else:
        client: Redis = request.getfixturevalue("empty_valkey")
        yield Harness(RedisResultIndex(client), lambda digest: _vanish(client, digest))


def _vanish(client: Redis, digest: str) -> None:
    key = f"timbre:{{jobs}}:result:{digest}"
    assert TTL - 2 < client.ttl(key) <= TTL
    assert client.delete(key) == 1


@pytest.fixture
def index(harness: Harness) -> ResultIndex:
    return harness.index


def test_the_first_is_named_to_all_others(index: ResultIndex) -> None:
    assert index.take("d", "a", ttl_seconds=TTL) == "a"
    assert index.take("d", "b", ttl_seconds=TTL) == "a"
    assert index.take("d", "a", ttl_seconds=TTL) == "a"
    assert index.take("e", "b", ttl_seconds=TTL) == "b"
    assert [index.named(digest) for digest in ("d", "e", "f")] == ["a", "b", None]


def test_a_place_is_taken_from_the_one_that_is_meant_alone(index: ResultIndex) -> None:
    index.take("d", "a", ttl_seconds=TTL)
    assert index.take("d", "b", instead_of="c", ttl_seconds=TTL) == "a"
    assert index.take("d", "b", instead_of="a", ttl_seconds=TTL) == "b"
    assert index.take("d", "c", instead_of="a", ttl_seconds=TTL) == "b"


def test_one_of_eight_becomes_the_successor(index: ResultIndex) -> None:
    index.take("d", "a", ttl_seconds=TTL)
    barrier = threading.Barrier(8)

    def succeed(number: int) -> str:
        barrier.wait()
        return index.take("d", f"b{number}", instead_of="a", ttl_seconds=TTL)

    with ThreadPoolExecutor(8) as pool:
        named = list(pool.map(succeed, range(8)))
    assert len(set(named)) == 1
    assert named[0] != "a"


def test_a_name_is_forgotten_in_time(harness: Harness) -> None:
    harness.index.take("d", "a", ttl_seconds=TTL)
    harness.vanish("d")
    assert harness.index.named("d") is None
    assert harness.index.take("d", "b", ttl_seconds=TTL) == "b"


def test_an_index_that_is_away(index: ResultIndex) -> None:
    if isinstance(index, MemoryResultIndex):
        index.down = True
    else:
        index = RedisResultIndex(Redis(port=1, decode_responses=True, retry=None))
    for call in (lambda: index.take("d", "a", ttl_seconds=TTL), lambda: index.named("d")):
        with pytest.raises(JobStoreUnavailable):
            call()
