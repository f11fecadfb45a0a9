"""What every `PaceKeeper` must do."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from redis import Redis

from services.shared.adapters.redis_pace import RedisPaceKeeper
from services.shared.errors import JobStoreUnavailable
from services.shared.ports import Pace, PaceKeeper
from services.shared.testing.pace import MemoryPaceKeeper


@pytest.fixture(params=["memory", "redis"])
def keeper(request: pytest.FixtureRequest) -> Iterator[PaceKeeper]:
    if request.param == "memory":
        yield MemoryPaceKeeper()
    else:
        yield RedisPaceKeeper(request.getfixturevalue("empty_valkey"))


def test_nothing_is_known_at_first(keeper: PaceKeeper) -> None:
    assert keeper.pace() is None


def test_the_first_job_is_the_average(keeper: PaceKeeper) -> None:
    keeper.note(1.5, 100.25)
    assert keeper.pace() == Pace(1.5, 100.25)


def test_later_ones_move_it_by_a_fifth(keeper: PaceKeeper) -> None:
    keeper.note(1.0, 100.0)
    keeper.note(2.0, 300.0)
    assert keeper.pace() == Pace(pytest.approx(1.2), pytest.approx(140.0))


def test_what_is_long_ago_is_forgotten(keeper: PaceKeeper) -> None:
    keeper.note(1_000.0, 1.0)
    for _ in range(100):
        keeper.note(1e-3, 5e6)
    assert keeper.pace() == Pace(pytest.approx(1e-3, abs=0.05), pytest.approx(5e6, rel=0.01))


def test_notes_of_many_workers_all_count(keeper: PaceKeeper) -> None:
    keeper.note(0.0, 1.0)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: keeper.note(1.0, 1.0), range(40)))
    assert keeper.pace() == Pace(pytest.approx(1 - 0.8**40), pytest.approx(1.0))


def test_a_keeper_that_is_away(keeper: PaceKeeper) -> None:
    down = _down(keeper)
    for call in (down.pace, lambda: down.note(1.0, 1.0)):
        with pytest.raises(JobStoreUnavailable):
            call()


def _down(keeper: PaceKeeper) -> PaceKeeper:
    if isinstance(keeper, MemoryPaceKeeper):
        keeper.down = True
        return keeper
    return RedisPaceKeeper(Redis(port=1, decode_responses=True, retry=None))
