"""What every `RateLimiter` must do."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest
from redis import Redis

from services.shared.adapters.redis_rates import RedisRateLimiter
from services.shared.errors import JobStoreUnavailable
from services.shared.ports import Clock, RateLimiter
from services.shared.testing import ManualClock
from services.shared.testing.keys import MemoryRateLimiter


@dataclass(frozen=True)
class Harness:
    limiter: RateLimiter
    clock: Clock
    #: Makes what was counted so many seconds older.
    age: Callable[[float], None]


@pytest.fixture(params=["memory", "redis"])
def harness(request: pytest.FixtureRequest) -> Iterator[Harness]:
    if request.param == "memory":
        clock = ManualClock()
        yield Harness(MemoryRateLimiter(clock), clock, lambda seconds: _pass(clock, seconds))
    else:
        client: Redis = request.getfixturevalue("empty_valkey")
        yield Harness(RedisRateLimiter(client), time.time, lambda seconds: _rewrite(client, seconds))


@pytest.fixture
def limiter(harness: Harness) -> RateLimiter:
    return harness.limiter


def _pass(clock: ManualClock, seconds: float) -> None:
    clock.advance(seconds)


def _rewrite(client: Redis, seconds: float) -> None:
    """The moments in the store, moved back: nobody waits a minute for a test."""
    for key in client.keys("*"):
        for index, moment in enumerate(client.lrange(key, 0, -1)):
            client.lset(key, index, float(moment) - seconds)


def test_so_many_and_no_more(limiter: RateLimiter) -> None:
    windows = [limiter.hit("acme", 3) for _ in range(5)]
    assert [window.allowed for window in windows] == [True, True, True, False, False]
    assert [window.remaining for window in windows] == [2, 1, 0, 0, 0]


def test_says_when_the_first_is_a_minute_old(harness: Harness) -> None:
    first = harness.limiter.hit("acme", 3)
    assert first.resets_at == pytest.approx(harness.clock() + 60, abs=2)
    harness.age(20)
    assert harness.limiter.hit("acme", 3).resets_at == pytest.approx(harness.clock() + 40, abs=2)


def test_the_minute_moves(harness: Harness) -> None:
    """No edge to wait for: each request counts for the minute that follows it."""
    harness.limiter.hit("acme", 2)
    harness.age(40)
    harness.limiter.hit("acme", 2)
    assert not harness.limiter.hit("acme", 2).allowed
    harness.age(30)
    assert harness.limiter.hit("acme", 2).allowed
    assert not harness.limiter.hit("acme", 2).allowed


def test_what_was_refused_does_not_count(harness: Harness) -> None:
    for _ in range(10):
        harness.limiter.hit("acme", 1)
    harness.age(61)
    assert harness.limiter.hit("acme", 1).allowed


def test_each_is_counted_apart(limiter: RateLimiter) -> None:
    assert limiter.hit("acme", 1).allowed
    assert limiter.hit("acme/1", 1).allowed
    assert limiter.hit("ac", 1).allowed
    assert not limiter.hit("acme", 1).allowed


def test_many_at_once_get_no_more_than_there_is(limiter: RateLimiter) -> None:
    with ThreadPoolExecutor(8) as pool:
        windows = list(pool.map(lambda _: limiter.hit("acme", 10), range(40)))
    assert sum(window.allowed for window in windows) == 10


def test_counts_leave_the_server_by_themselves(empty_valkey: Redis) -> None:
    RedisRateLimiter(empty_valkey).hit("acme", 5)
    (key,) = empty_valkey.keys("*")
    assert key.startswith("timbre:{jobs}:rates:")
    assert 0 < empty_valkey.ttl(key) <= 60


def test_a_limiter_that_is_away() -> None:
    memory = MemoryRateLimiter(ManualClock())
    memory.down = True
    for limiter in (memory, RedisRateLimiter(Redis(port=1, decode_responses=True, retry=None))):
        with pytest.raises(JobStoreUnavailable):
            limiter.hit("acme", 1)
