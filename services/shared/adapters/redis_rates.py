"""How often somebody asks, counted in Redis or Valkey by the library `limits`."""

from limits import RateLimitItemPerMinute
from limits.storage import RedisStorage
from limits.strategies import MovingWindowRateLimiter
from redis import Redis

from services.shared.adapters.redis_client import PREFIX, redis_errors
from services.shared.ports import Window


class RedisRateLimiter:
    """`RateLimiter` on the connections of a client."""

    def __init__(self, client: Redis) -> None:
        pool = client.connection_pool
        # The address is not used where a pool is given; it only tells which client library's it is.
        self._windows = MovingWindowRateLimiter(RedisStorage("redis://", pool, key_prefix=f"{PREFIX}:rates"))

    def hit(self, subject: str, per_minute: int) -> Window:
        item = RateLimitItemPerMinute(per_minute)
        with redis_errors():
            allowed = self._windows.hit(item, subject)
            stats = self._windows.get_window_stats(item, subject)
        return Window(allowed, max(0, stats.remaining), stats.reset_time)
