"""Speech on its way, in Redis or Valkey: one stream an attempt, whose entries are numbered as its pieces are."""

from collections.abc import Sequence
from typing import Any, Final

from redis import Redis, exceptions

from services.shared.adapters.redis_client import NEWS, PREFIX, redis_errors
from services.shared.ports import AudioPiece

_FIELD: Final = b"s"
#: How the server refuses an entry that is there already: the answer to its first sending was lost.
_IS_THERE: Final = "The ID specified in XADD is equal or smaller"


class RedisAudioChannel:
    """`AudioChannel` on a client that does not decode responses.

    Of each attempt the newest `kept` pieces are kept, for `ttl_seconds` after the last one came.
    """

    def __init__(self, client: Redis, *, kept: int, ttl_seconds: int) -> None:
        self._client = client
        self._kept = kept
        self._ttl = ttl_seconds

    def send(self, job_id: str, attempt: int, pieces: Sequence[AudioPiece]) -> None:
        key = _key(job_id, attempt)
        with redis_errors(), self._client.pipeline(transaction=False) as pipeline:
            for piece in pieces:
                entry: Any = {_FIELD: piece.samples}
                pipeline.xadd(key, entry, id=f"{piece.number}-0", maxlen=self._kept, approximate=False)
            pipeline.expire(key, self._ttl)
            pipeline.publish(NEWS + job_id, "")
            for answer in pipeline.execute(raise_on_error=False):
                _require(answer)

    def read(self, job_id: str, attempt: int, *, after: int, limit: int) -> Sequence[AudioPiece]:
        with redis_errors():
            found: Any = self._client.xrange(_key(job_id, attempt), min=f"({after}-0", count=limit)
        return [AudioPiece(int(entry.partition(b"-")[0]), fields[_FIELD]) for entry, fields in found]

    def drop(self, job_id: str, attempts: int) -> None:
        if attempts:
            with redis_errors():
                self._client.delete(*(_key(job_id, attempt) for attempt in range(1, attempts + 1)))


def _key(job_id: str, attempt: int) -> str:
    return f"{PREFIX}:audio:{job_id}:{attempt}"


def _require(answer: object) -> None:
    is_there = isinstance(answer, exceptions.ResponseError) and str(answer).startswith(_IS_THERE)
    if isinstance(answer, Exception) and not is_there:
        raise answer
