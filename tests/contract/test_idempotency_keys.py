"""What every `IdempotencyKeys` must do."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest
from redis import Redis

from services.shared.adapters.redis_idempotency import RedisIdempotencyKeys
from services.shared.errors import JobStoreUnavailable
from services.shared.ports import IdempotencyKeys, KeptKey
from services.shared.testing import ManualClock
from services.shared.testing.idempotency import MemoryIdempotencyKeys

OWNER, KEY = "alice", "key-1"
RESERVED = KeptKey("content", "job-1", made=False)
MADE = KeptKey("content", "job-1")
OTHER = KeptKey("other", "job-2", made=False)


@dataclass(frozen=True)
class Harness:
    keys: IdempotencyKeys
    #: Checks that the one key that is there has about so many seconds left, and lets them pass.
    lapse: Callable[[float], None]


@pytest.fixture(params=["memory", "redis"])
def harness(request: pytest.FixtureRequest) -> Iterator[Harness]:
    if request.param == "memory":
        clock = ManualClock()
        yield Harness(MemoryIdempotencyKeys(clock), lambda seconds: _pass(clock, seconds))
    else:
        client: Redis = request.getfixturevalue("empty_valkey")
        yield Harness(RedisIdempotencyKeys(client), lambda seconds: _expire(client, seconds))


def _pass(clock: ManualClock, seconds: float) -> None:
    clock.advance(seconds)


def _expire(client: Redis, seconds: float) -> None:
    (name,) = client.keys("timbre:{jobs}:idempotency:*")
    assert 0 <= seconds * 1000 - client.pttl(name) < 2_000
    client.delete(name)


@pytest.fixture
def keys(harness: Harness) -> IdempotencyKeys:
    return harness.keys


def test_a_new_key_is_taken(keys: IdempotencyKeys) -> None:
    assert keys.reserve(OWNER, KEY, RESERVED, 60) is None


def test_a_taken_key_tells_what_for(keys: IdempotencyKeys) -> None:
    keys.reserve(OWNER, KEY, RESERVED, 60)
    assert keys.reserve(OWNER, KEY, OTHER, 60) == RESERVED
    keys.keep(OWNER, KEY, MADE, 60)
    assert keys.reserve(OWNER, KEY, RESERVED, 60) == MADE


def test_a_reservation_whose_answer_was_lost_is_made_again(keys: IdempotencyKeys) -> None:
    assert [keys.reserve(OWNER, KEY, RESERVED, 60) for _ in range(2)] == [None, None]
    keys.free(OWNER, KEY, RESERVED)
    assert keys.reserve(OWNER, KEY, OTHER, 60) is None


def test_one_of_sixteen_wins(keys: IdempotencyKeys) -> None:
    barrier = threading.Barrier(16)

    def reserve(number: int) -> KeptKey | None:
        barrier.wait()
        return keys.reserve(OWNER, KEY, KeptKey("content", str(number), made=False), 60)

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(reserve, range(16)))
    assert answers.count(None) == 1
    assert {answer for answer in answers if answer} == {KeptKey("content", str(answers.index(None)), made=False)}


def test_a_freed_key_is_new(keys: IdempotencyKeys) -> None:
    keys.reserve(OWNER, KEY, RESERVED, 60)
    keys.free(OWNER, KEY, RESERVED)
    assert keys.reserve(OWNER, KEY, OTHER, 60) is None


def test_nobody_frees_what_is_not_theirs_or_done(keys: IdempotencyKeys) -> None:
    keys.free(OWNER, "never seen", RESERVED)
    keys.reserve(OWNER, KEY, RESERVED, 60)
    for not_theirs in (OTHER, KeptKey("content", "job-2", made=False)):
        keys.free(OWNER, KEY, not_theirs)
    assert keys.reserve(OWNER, KEY, OTHER, 60) == RESERVED
    keys.keep(OWNER, KEY, MADE, 60)
    keys.free(OWNER, KEY, RESERVED)
    assert keys.reserve(OWNER, KEY, RESERVED, 60) == MADE


def test_owners_never_meet(keys: IdempotencyKeys) -> None:
    names = [("a", "b:c"), ("a:b", "c"), ("a", "b"), ("", "a"), ("a", "")]
    for number, (owner, key) in enumerate(names):
        assert keys.reserve(owner, key, RESERVED, 60) is None
        keys.keep(owner, key, KeptKey("content", str(number)), 60)
    assert [keys.reserve(*name, OTHER, 60) for name in names] == [KeptKey("content", str(n)) for n in range(len(names))]


def test_a_reservation_lapses(harness: Harness) -> None:
    harness.keys.reserve(OWNER, KEY, RESERVED, 60)
    harness.lapse(60)
    assert harness.keys.reserve(OWNER, KEY, OTHER, 60) is None


def test_what_was_kept_lapses_later(harness: Harness) -> None:
    harness.keys.reserve(OWNER, KEY, RESERVED, 60)
    harness.keys.keep(OWNER, KEY, MADE, 86_400)
    harness.lapse(86_400)
    assert harness.keys.reserve(OWNER, KEY, RESERVED, 60) is None


def test_keys_that_are_away(keys: IdempotencyKeys) -> None:
    down = _down(keys)
    for call in (
        lambda: down.reserve(OWNER, KEY, RESERVED, 60),
        lambda: down.keep(OWNER, KEY, MADE, 60),
        lambda: down.free(OWNER, KEY, RESERVED),
    ):
        with pytest.raises(JobStoreUnavailable):
            call()


def _down(keys: IdempotencyKeys) -> IdempotencyKeys:
    if isinstance(keys, MemoryIdempotencyKeys):
        keys.down = True
        return keys
    return RedisIdempotencyKeys(Redis(port=1, decode_responses=True, retry=None))
