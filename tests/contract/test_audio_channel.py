"""What every `AudioChannel` must do."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from redis import Redis

from services.shared.adapters.redis_audio import RedisAudioChannel
from services.shared.adapters.redis_client import connect_redis
from services.shared.errors import JobStoreUnavailable
from services.shared.ports import AudioChannel, AudioPiece
from services.shared.testing import ManualClock
from services.shared.testing.audio import MemoryAudioChannel

KEPT, TTL = 5, 30


@dataclass(frozen=True)
class Harness:
    channel: AudioChannel
    #: What happens to a job's attempt of which nothing came for the channel's lifetime.
    vanish: Callable[[str, int], None]
    #: The jobs whose listeners were woken.
    woken: Callable[[], list[str]]
    #: The same port on a server that does not answer.
    down: Callable[[], AudioChannel]


@pytest.fixture(params=["memory", "redis"])
def harness(request: pytest.FixtureRequest) -> Iterator[Harness]:
    if request.param == "memory":
        yield _memory()
    else:
        client: Redis = request.getfixturevalue("empty_valkey")
        with (
            connect_redis(request.getfixturevalue("valkey"), decode_responses=False) as binary,
            client.pubsub(ignore_subscribe_messages=True) as subscription,
        ):
            subscription.psubscribe("timbre:{jobs}:news:*")
            subscription.get_message(timeout=5)
            yield _redis(client, binary, lambda: subscription.get_message(timeout=5))


def _memory() -> Harness:
    clock = ManualClock()
    woken: list[str] = []
    memory = MemoryAudioChannel(clock, [lambda job_id, _news: woken.append(job_id)], kept=KEPT, ttl_seconds=TTL)

    def down() -> AudioChannel:
        memory.down = True
        return memory

    return Harness(memory, lambda _job, _attempt: _pass(clock), lambda: woken, down)


def _redis(client: Redis, binary: Redis, message: Callable[[], dict[str, str] | None]) -> Harness:
    def woken() -> list[str]:
        found = message()
        return [found["channel"].rpartition(":")[2]] if found else []

    def vanish(job_id: str, attempt: int) -> None:
        key = f"timbre:{{jobs}}:audio:{job_id}:{attempt}"
        assert TTL - 1 <= client.ttl(key) <= TTL
        client.delete(key)

    def down() -> AudioChannel:
        return RedisAudioChannel(Redis(port=1, retry=None), kept=KEPT, ttl_seconds=TTL)

    return Harness(RedisAudioChannel(binary, kept=KEPT, ttl_seconds=TTL), vanish, woken, down)


def _pass(clock: ManualClock) -> None:
    clock.advance(TTL + 1)


def _pieces(*numbers: int) -> list[AudioPiece]:
    return [AudioPiece(number, bytes([number, 255, 0, 128])) for number in numbers]


def _read(harness: Harness, after: int = 0, limit: int = 100, *, attempt: int = 1) -> list[AudioPiece]:
    return list(harness.channel.read("a", attempt, after=after, limit=limit))


def test_nothing_is_there_at_first(harness: Harness) -> None:
    assert _read(harness) == []


def test_pieces_come_as_they_were_sent(harness: Harness) -> None:
    harness.channel.send("a", 1, _pieces(1, 2))
    harness.channel.send("a", 1, [AudioPiece(3, b"")])
    assert _read(harness) == [*_pieces(1, 2), AudioPiece(3, b"")]
    assert _read(harness, after=1) == [*_pieces(2), AudioPiece(3, b"")]
    assert _read(harness, limit=2) == _pieces(1, 2)
    assert _read(harness, after=3) == []


def test_ten_come_after_nine(harness: Harness) -> None:
    harness.channel.send("a", 1, _pieces(8, 9, 10, 11))
    assert _read(harness, after=8) == _pieces(9, 10, 11)


def test_attempts_and_jobs_never_meet(harness: Harness) -> None:
    harness.channel.send("a", 1, _pieces(1))
    harness.channel.send("a", 2, _pieces(1, 2))
    harness.channel.send("b", 1, _pieces(1, 2, 3))
    assert _read(harness) == _pieces(1)
    assert _read(harness, attempt=2) == _pieces(1, 2)


def test_what_is_there_already_changes_nothing(harness: Harness) -> None:
    harness.channel.send("a", 1, _pieces(1, 2))
    harness.channel.send("a", 1, _pieces(1, 2))
    harness.channel.send("a", 1, _pieces(2, 3))
    assert _read(harness) == _pieces(1, 2, 3)


def test_of_too_many_the_oldest_go(harness: Harness) -> None:
    harness.channel.send("a", 1, _pieces(*range(1, 8)))
    assert _read(harness) == _pieces(3, 4, 5, 6, 7)


def test_they_are_gone_after_a_while_and_go_on_where_they_were(harness: Harness) -> None:
    harness.channel.send("a", 1, _pieces(1, 2))
    harness.vanish("a", 1)
    assert _read(harness) == []
    harness.channel.send("a", 1, _pieces(3))
    assert _read(harness, after=2) == _pieces(3)


def test_attempts_are_dropped(harness: Harness) -> None:
    for attempt in (1, 2):
        harness.channel.send("a", attempt, _pieces(1))
    harness.channel.drop("a", 2)
    harness.channel.drop("never-there", 0)
    assert _read(harness) == _read(harness, attempt=2) == []


def test_listeners_are_woken(harness: Harness) -> None:
    harness.channel.send("a", 1, _pieces(1))
    assert harness.woken() == ["a"]


def test_a_channel_that_is_away(harness: Harness) -> None:
    down = harness.down()
    for call in (
        lambda: down.send("a", 1, _pieces(1)),
        lambda: down.read("a", 1, after=0, limit=1),
        lambda: down.drop("a", 1),
    ):
        with pytest.raises(JobStoreUnavailable):
            call()
