"""How fast jobs are done, in Redis or Valkey: one hash of moving averages, written by all workers."""

from typing import Final

from redis import Redis

from services.shared.adapters.redis_client import PREFIX, redis_errors
from services.shared.pace import LATEST_SHARE
from services.shared.ports import Pace

_AVERAGES: Final = f"{PREFIX}:pace"

#: KEYS: the averages. ARGV: the latest's share, seconds, workload.
_NOTE: Final = """
local was = redis.call('HMGET', KEYS[1], 'seconds', 'workload')
local function moved(average, latest)
  return string.format('%.17g', average and average + ARGV[1] * (latest - average) or latest)
end
redis.call('HSET', KEYS[1], 'seconds', moved(was[1], ARGV[2]), 'workload', moved(was[2], ARGV[3]))
"""


class RedisPaceKeeper:
    """`PaceKeeper` on a client that decodes responses."""

    def __init__(self, client: Redis) -> None:
        self._client = client
        self._note = client.register_script(_NOTE)

    def note(self, seconds: float, workload: float) -> None:
        with redis_errors():
            self._note(keys=[_AVERAGES], args=[repr(LATEST_SHARE), repr(seconds), repr(workload)])

    def pace(self) -> Pace | None:
        with redis_errors():
            seconds, workload = self._client.hmget(_AVERAGES, "seconds", "workload")
        return None if seconds is None or workload is None else Pace(float(seconds), float(workload))
