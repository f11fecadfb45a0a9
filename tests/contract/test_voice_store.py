"""What every `VoiceStore` must do."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import pytest
from redis import Redis

from services.shared.adapters.redis_voices import RedisVoiceStore
from services.shared.errors import JobStoreUnavailable, StaleVoice, TooManyVoices, VoiceNameTaken, VoiceNotFound
from services.shared.ports import VoiceStore
from services.shared.testing import START
from services.shared.testing.voices import MemoryVoiceStore, make_voice
from services.shared.voice import Consent, Voice

LIMIT = 100


@dataclass(frozen=True)
class Harness:
    store: VoiceStore
    #: The same port on a server that does not answer.
    down: Callable[[], VoiceStore]


@pytest.fixture(params=["memory", "redis"])
def harness(request: pytest.FixtureRequest) -> Iterator[Harness]:
    if request.param == "memory":
        memory = MemoryVoiceStore()
        yield Harness(memory, lambda: _switch_off(memory))
    else:
        yield Harness(RedisVoiceStore(request.getfixturevalue("empty_valkey")), _unreachable)


@pytest.fixture
def store(harness: Harness) -> VoiceStore:
    return harness.store


def _switch_off(store: MemoryVoiceStore) -> VoiceStore:
    store.down = True
    return store


def _unreachable() -> VoiceStore:
    return RedisVoiceStore(Redis(port=1, decode_responses=True, retry=None))


def _added(store: VoiceStore, *, created_at: float = START, **overrides: object) -> Voice:
    voice = make_voice(created_at, **overrides)
    store.add(voice, limit=LIMIT)
    return voice


def _ids(store: VoiceStore, owner: str = "anonymous", limit: int = 10) -> list[str]:
    return [voice.id for voice in store.page(owner, limit=limit).voices]


# --- records ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "voice",
    [
        make_voice(START, name="Grüße 你好 🎙", labels={"mood": "calm", "": "x"}),
        make_voice(START, ref_text=None, language=None, consent=Consent("Mine.", START, "voices/x/consent")),
    ],
    ids=["full", "bare"],
)
def test_a_voice_comes_back_as_it_was_stored(store: VoiceStore, voice: Voice) -> None:
    store.add(voice, limit=LIMIT)
    assert store.get(voice.id) == voice
    assert list(store.page("anonymous", limit=1).voices) == [voice]


def test_an_unknown_voice(store: VoiceStore) -> None:
    ghost = make_voice(START)
    for call in (
        lambda: store.get(ghost.id),
        lambda: store.remove(ghost.id),
        lambda: store.replace(ghost, ghost),
        lambda: store.find("anonymous", ghost.name),
    ):
        with pytest.raises(VoiceNotFound):
            call()


def test_an_id_is_given_once(store: VoiceStore) -> None:
    voice = _added(store)
    store.add(voice, limit=1)  # the first answer may have been lost on the way
    with pytest.raises(StaleVoice):
        store.add(replace(voice, owner="someone else"), limit=LIMIT)
    assert store.get(voice.id).owner == "anonymous"


def test_removed_is_gone_everywhere(store: VoiceStore) -> None:
    voice = _added(store, name="Anna")
    store.remove(voice.id)
    assert _ids(store) == []
    with pytest.raises(VoiceNotFound):
        store.find("anonymous", "Anna")
    again = _added(store, name="Anna")
    assert store.find("anonymous", "Anna").id == again.id


# --- names --------------------------------------------------------------------------------------


@pytest.mark.parametrize("other", ["Anna", "ANNA", "anna", "Ａnna"])
def test_an_owner_has_a_name_once(store: VoiceStore, other: str) -> None:
    anna = _added(store, name="Anna")
    with pytest.raises(VoiceNameTaken):
        _added(store, name=other)
    assert store.find("anonymous", other) == anna
    assert _ids(store) == [anna.id]


def test_two_owners_may_have_one_name(store: VoiceStore) -> None:
    mine, theirs = _added(store, name="Anna", owner="me"), _added(store, name="Anna", owner="them")
    assert (store.find("me", "anna"), store.find("them", "anna")) == (mine, theirs)
    assert (_ids(store, "me"), _ids(store, "them"), _ids(store, "m")) == ([mine.id], [theirs.id], [])


def test_a_new_name_frees_the_old_one(store: VoiceStore) -> None:
    anna, bert = _added(store, name="Anna"), _added(store, name="Bert")
    with pytest.raises(VoiceNameTaken):
        store.replace(anna, replace(anna, name="BERT"))
    assert store.get(anna.id) == anna
    renamed = store.replace(anna, replace(anna, name="ANNA"))
    renamed = store.replace(renamed, replace(renamed, name="Clara"))
    assert store.find("anonymous", "clara") == renamed
    store.replace(bert, replace(bert, name="Anna"))
    assert store.find("anonymous", "anna").id == bert.id


def test_of_many_who_want_one_name_one_gets_it(store: VoiceStore) -> None:
    def attempt(number: int) -> bool:
        try:
            _added(store, created_at=START + number, name="Anna")
        except VoiceNameTaken:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(attempt, range(24))) == 1
    assert len(_ids(store)) == 1


# --- limits -------------------------------------------------------------------------------------


def test_an_owner_has_no_more_than_the_limit(store: VoiceStore) -> None:
    first = _added(store)
    store.add(make_voice(START), limit=2)
    with pytest.raises(TooManyVoices, match="2 voices"):
        store.add(make_voice(START), limit=2)
    store.add(make_voice(START, owner="another"), limit=2)
    store.remove(first.id)
    store.add(make_voice(START), limit=2)


# --- compare and set ----------------------------------------------------------------------------


def test_replace_counts_revisions(store: VoiceStore) -> None:
    voice = _added(store)
    first = store.replace(voice, replace(voice, language="de"))
    second = store.replace(first, replace(first, labels={"a": "b"}))
    assert (voice.revision, first.revision, second.revision) == (0, 1, 2)
    assert store.get(voice.id) == second


def test_a_stale_writer_is_refused(store: VoiceStore) -> None:
    voice = _added(store)
    changed = store.replace(voice, replace(voice, language="de"))
    with pytest.raises(StaleVoice):
        store.replace(voice, replace(voice, language="fr"))
    assert store.get(voice.id) == changed


def test_the_same_change_twice_is_no_conflict(store: VoiceStore) -> None:
    voice = _added(store)
    change = replace(voice, language="de")
    assert store.replace(voice, change) == store.replace(voice, change) == store.get(voice.id)


# --- listings -----------------------------------------------------------------------------------


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 8, 100])
def test_pages_hold_everything_once_newest_first(store: VoiceStore, limit: int) -> None:
    voices = [_added(store, created_at=START + number // 3) for number in range(8)]
    newest_first = sorted(voices, key=lambda voice: (voice.created_at, voice.id), reverse=True)
    seen: list[str] = []
    cursor = None
    while True:
        page = store.page("anonymous", limit=limit, cursor=cursor)
        seen += [voice.id for voice in page.voices]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert seen == [voice.id for voice in newest_first]


def test_a_cursor_outlives_its_voice(store: VoiceStore) -> None:
    ids = [_added(store, created_at=START + number).id for number in range(6)][::-1]
    page = store.page("anonymous", limit=3)
    store.remove(ids[2])
    assert [voice.id for voice in store.page("anonymous", limit=10, cursor=page.next_cursor).voices] == ids[3:]


@pytest.mark.parametrize("cursor", ["?", "é", "a", "", "A" * 4_000])
def test_a_cursor_that_is_not_ours(store: VoiceStore, cursor: str) -> None:
    with pytest.raises(ValueError, match="cursor"):
        store.page("anonymous", limit=10, cursor=cursor)


# --- outages and releases -----------------------------------------------------------------------


def test_a_store_that_is_away(harness: Harness) -> None:
    voice = make_voice(START)
    down = harness.down()
    for call in (
        lambda: down.add(voice, limit=LIMIT),
        lambda: down.get(voice.id),
        lambda: down.find("anonymous", "Anna"),
        lambda: down.replace(voice, voice),
        lambda: down.remove(voice.id),
        lambda: down.page("anonymous", limit=1),
    ):
        with pytest.raises(JobStoreUnavailable):
            call()


def test_a_newer_releases_fields_are_skipped(empty_valkey: Redis) -> None:
    store = RedisVoiceStore(empty_valkey)
    voice = _added(store)
    key = f"timbre:{{jobs}}:voice:{voice.id}"
    document = str(empty_valkey.hget(key, "doc")).replace('{"version":1', '{"version":1,"novelty":[1]', 1)
    document = document.replace('"report":{', '"report":{"novelty":2,').replace('"sample":{', '"sample":{"novelty":3,')
    empty_valkey.hset(key, "doc", document)
    assert store.get(voice.id) == voice
    empty_valkey.hset(key, "doc", document.replace('{"version":1', '{"version":2', 1))
    with pytest.raises(JobStoreUnavailable, match="version 2"):
        store.get(voice.id)
