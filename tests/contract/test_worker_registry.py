"""What every `WorkerRegistry` must do."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from redis import Redis

from services.shared.adapters.redis_workers import RedisWorkerRegistry
from services.shared.errors import JobStoreUnavailable
from services.shared.ports import WorkerBeat, WorkerRegistry
from services.shared.testing import START, ManualClock, MemoryWorkerRegistry


@dataclass(frozen=True)
class Harness:
    registry: WorkerRegistry
    #: What happens to a worker whose beats stay away.
    vanish: Callable[[str], None]
    #: The same port on a server that does not answer.
    down: Callable[[], WorkerRegistry]


@pytest.fixture(params=["memory", "redis"])
def harness(request: pytest.FixtureRequest) -> Iterator[Harness]:
    if request.param == "memory":
        clock = ManualClock()
        memory = MemoryWorkerRegistry(clock)
        yield Harness(memory, lambda _worker: _pass(clock), lambda: _switch_off(memory))
    else:
        client: Redis = request.getfixturevalue("empty_valkey")
        yield Harness(RedisWorkerRegistry(client), lambda worker: _expire(client, worker), _unreachable)


def _pass(clock: ManualClock) -> None:
    clock.advance(31)


def _expire(client: Redis, worker: str) -> None:
    key = f"timbre:{{jobs}}:worker:{worker}"
    assert 29_000 < client.pttl(key) <= 30_000
    client.delete(key)


def _switch_off(registry: MemoryWorkerRegistry) -> WorkerRegistry:
    registry.down = True
    return registry


def _unreachable() -> WorkerRegistry:
    return RedisWorkerRegistry(Redis(port=1, decode_responses=True, retry=None))


def _beat(worker: str, **info: str | int | float) -> WorkerBeat:
    return WorkerBeat(worker, {"engine": "tone", "parameters": 7, **info}, START, slots=3)


def test_nobody_is_ready_at_first(harness: Harness) -> None:
    assert list(harness.registry.ready()) == []


def test_who_announced_itself_is_ready(harness: Harness) -> None:
    harness.registry.announce(_beat("b"), 30)
    harness.registry.announce(_beat("a"), 30)
    assert list(harness.registry.ready()) == [_beat("a"), _beat("b")]


def test_the_latest_beat_counts(harness: Harness) -> None:
    harness.registry.announce(_beat("a", device="cpu"), 30)
    harness.registry.announce(_beat("a", device="cuda"), 30)
    assert list(harness.registry.ready()) == [_beat("a", device="cuda")]


def test_who_withdrew_is_not_ready(harness: Harness) -> None:
    harness.registry.announce(_beat("a"), 30)
    harness.registry.withdraw("a")
    harness.registry.withdraw("never there")
    assert list(harness.registry.ready()) == []


def test_who_stopped_beating_is_not_ready(harness: Harness) -> None:
    harness.registry.announce(_beat("a"), 30)
    harness.vanish("a")
    harness.registry.announce(_beat("b"), 30)
    assert list(harness.registry.ready()) == [_beat("b")]


def test_a_registry_that_is_away(harness: Harness) -> None:
    down = harness.down()
    for call in (down.ready, lambda: down.announce(_beat("a"), 30), lambda: down.withdraw("a")):
        with pytest.raises(JobStoreUnavailable):
            call()
