"""Records of voices in Redis or Valkey.

One hash a voice: `doc` is its JSON, beside it lie its revision and what the scripts decide by. An owner has a sorted
set of places, which lists the voices, and a hash of ids by name, which keeps names apart.
"""

from dataclasses import replace

from redis import Redis

from services.shared.adapters.redis_client import PREFIX, place, read_place, redis_errors
from services.shared.cursor import Cursor
from services.shared.errors import StaleVoice, TooManyVoices, VoiceNameTaken, VoiceNotFound
from services.shared.ports import VoicePage
from services.shared.voice import Voice, name_key
from services.shared.voice_codec import decode_voice, encode_voice

#: KEYS: the record, the owner's places, the owner's names.
#: ARGV: id, name, document, place, owner, limit. Returns 'ok', 'stale', 'name' or 'full'.
_ADD = """
local record, places, names = KEYS[1], KEYS[2], KEYS[3]
local id, name, doc, place, owner, limit = unpack(ARGV)
if redis.call('EXISTS', record) == 1 then
  return redis.call('HGET', record, 'doc') == doc and 'ok' or 'stale'
end
if redis.call('HEXISTS', names, name) == 1 then return 'name' end
if redis.call('ZCARD', places) >= tonumber(limit) then return 'full' end
redis.call('HSET', record, 'doc', doc, 'rev', 0, 'name', name, 'place', place, 'owner', owner)
redis.call('ZADD', places, 0, place)
redis.call('HSET', names, name, id)
return 'ok'
"""

#: KEYS: as for ADD. ARGV: id, name, document, revision. Returns 'ok', 'gone', 'stale' or 'name'.
#: The same change stored a second time is no conflict: the first reply may have been lost on the way.
_REPLACE = """
local record, names = KEYS[1], KEYS[3]
local id, name, doc, revision = unpack(ARGV)
local was = redis.call('HMGET', record, 'rev', 'name', 'doc')
if not was[1] then return 'gone' end
if was[3] == doc and tonumber(was[1]) == revision + 1 then return 'ok' end
if was[1] ~= revision then return 'stale' end
local holder = redis.call('HGET', names, name)
if holder and holder ~= id then return 'name' end
redis.call('HDEL', names, was[2])
redis.call('HSET', names, name, id)
redis.call('HINCRBY', record, 'rev', 1)
redis.call('HSET', record, 'doc', doc, 'name', name)
return 'ok'
"""

#: KEYS: the record. Returns 1, or 0 where there is none.
_REMOVE = f"""
local was = redis.call('HMGET', KEYS[1], 'owner', 'place', 'name')
if not was[1] then return 0 end
redis.call('DEL', KEYS[1])
redis.call('ZREM', '{PREFIX}:voices:' .. was[1], was[2])
redis.call('HDEL', '{PREFIX}:voice-names:' .. was[1], was[3])
return 1
"""


class RedisVoiceStore:
    """`VoiceStore` on a client that decodes responses."""

    def __init__(self, client: Redis) -> None:
        self._client = client
        self._add = client.register_script(_ADD)
        self._replace = client.register_script(_REPLACE)
        self._remove = client.register_script(_REMOVE)

    def add(self, voice: Voice, *, limit: int) -> None:
        with redis_errors():
            outcome = self._add(keys=_keys(voice), args=[*_arguments(voice), place(voice), voice.owner, limit])
        _check(outcome, voice, limit)

    def get(self, voice_id: str) -> Voice:
        (voice,) = self._read([voice_id])
        if voice is None:
            raise _not_found(voice_id)
        return voice

    def find(self, owner: str, name: str) -> Voice:
        with redis_errors():
            found = self._client.hget(_names(owner), name_key(name))
        if found is None:
            raise VoiceNotFound("There is no voice of this name.")
        return self.get(str(found))

    def replace(self, old: Voice, new: Voice) -> Voice:
        with redis_errors():
            outcome = self._replace(keys=_keys(old), args=[*_arguments(new), old.revision])
        _check(outcome, new)
        return replace(new, revision=old.revision + 1)

    def remove(self, voice_id: str) -> None:
        with redis_errors():
            removed = self._remove(keys=[_record(voice_id)])
        if not removed:
            raise _not_found(voice_id)

    def page(self, owner: str, *, limit: int, cursor: str | None = None) -> VoicePage:
        bound = "+" if cursor is None else f"({place(Cursor.decode(cursor))}"
        with redis_errors():
            found = self._client.zrange(_places(owner), bound, "-", desc=True, bylex=True, offset=0, num=limit + 1)
        places = [read_place(str(member)) for member in found]
        voices = [voice for voice in self._read([one.id for one in places[:limit]]) if voice is not None]
        return VoicePage(voices, places[limit - 1].encode() if len(places) > limit else None)

    def _read(self, ids: list[str]) -> list[Voice | None]:
        """The voices of these ids in one round trip."""
        with redis_errors(), self._client.pipeline(transaction=False) as pipeline:
            for voice_id in ids:
                pipeline.hmget(_record(voice_id), ("doc", "rev"))
            rows = pipeline.execute()
        return [None if doc is None else replace(decode_voice(doc), revision=int(revision)) for doc, revision in rows]


def _check(outcome: str, voice: Voice, limit: int = 0) -> None:
    match outcome:
        case "name":
            raise VoiceNameTaken(f"Another voice is called {voice.name}.")
        case "full":
            raise TooManyVoices(f"The limit of {limit} voices is reached; delete one first.")
        case "gone":
            raise _not_found(voice.id)
        case "stale":
            raise StaleVoice(f"The voice {voice.id} changed meanwhile.")


def _not_found(voice_id: str) -> VoiceNotFound:
    return VoiceNotFound(f"There is no voice {voice_id}.")


def _record(voice_id: str) -> str:
    return f"{PREFIX}:voice:{voice_id}"


def _places(owner: str) -> str:
    return f"{PREFIX}:voices:{owner}"


def _names(owner: str) -> str:
    return f"{PREFIX}:voice-names:{owner}"


def _keys(voice: Voice) -> list[str]:
    return [_record(voice.id), _places(voice.owner), _names(voice.owner)]


def _arguments(voice: Voice) -> list[str]:
    """What ADD and REPLACE take. The document leaves out what has a field of its own, so that equal is equal."""
    return [voice.id, name_key(voice.name), encode_voice(replace(voice, revision=0))]
