"""Records of API keys in Redis or Valkey: one JSON document a key, and sorted sets that list them."""

from redis import Redis

from services.shared.adapters.redis_client import PREFIX, place, read_place, redis_errors
from services.shared.api_key import ApiKey
from services.shared.cursor import Cursor
from services.shared.errors import KeyNotFound
from services.shared.key_codec import decode_key, encode_key
from services.shared.ports import KeyPage

#: Lists the keys of all owners.
_ALL = f"{PREFIX}:keys"


class RedisKeyStore:
    """`KeyStore` on a client that decodes responses."""

    def __init__(self, client: Redis) -> None:
        self._client = client

    def add(self, key: ApiKey) -> None:
        with redis_errors(), self._client.pipeline() as pipeline:
            pipeline.set(_record(key.id), encode_key(key))
            for index in (_ALL, _of(key.owner)):
                pipeline.zadd(index, {place(key): 0})
            pipeline.execute()

    def get(self, key_id: str) -> ApiKey:
        with redis_errors():
            document = self._client.get(_record(key_id))
        if document is None:
            raise KeyNotFound(f"There is no key {key_id}.")
        return decode_key(str(document))

    def remove(self, key_id: str) -> None:
        key = self.get(key_id)
        with redis_errors(), self._client.pipeline() as pipeline:
            pipeline.delete(_record(key_id))
            for index in (_ALL, _of(key.owner)):
                pipeline.zrem(index, place(key))
            pipeline.execute()

    def page(self, owner: str | None, *, limit: int, cursor: str | None = None) -> KeyPage:
        index = _ALL if owner is None else _of(owner)
        bound = "+" if cursor is None else f"({place(Cursor.decode(cursor))}"
        with redis_errors():
            found = self._client.zrange(index, bound, "-", desc=True, bylex=True, offset=0, num=limit + 1)
            places = [read_place(str(member)) for member in found]
            documents = self._client.mget([_record(one.id) for one in places[:limit]]) if places else []
        keys = [decode_key(str(document)) for document in documents if document is not None]
        return KeyPage(keys, places[limit - 1].encode() if len(places) > limit else None)


def _record(key_id: str) -> str:
    return f"{PREFIX}:key:{key_id}"


def _of(owner: str) -> str:
    return f"{_ALL}:{owner}"
