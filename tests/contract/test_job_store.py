"""What every `JobStore` must do."""

import base64
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import pytest
from redis import Redis

from services.shared.adapters.redis_jobs import RedisJobStore
from services.shared.errors import JobNotFound, JobStoreUnavailable, StaleJob, TooManyJobs
from services.shared.job import Job, JobFault, JobOutput, JobStatus, transitions
from services.shared.ports import JobStore, Usage
from services.shared.testing import START, ManualClock, MemoryJobStore, make_job

TTL = 3_600
FAULT = JobFault("engine-failed", "The engine failed", "It did.")


@dataclass(frozen=True)
class Harness:
    store: JobStore
    #: Seconds until an ended record vanishes, None while it is kept for good.
    lifetime: Callable[[str], float | None]
    #: What the end of the lifetime does to a record.
    vanish: Callable[[str], None]


@pytest.fixture(params=["memory", "redis"])
def harness(request: pytest.FixtureRequest) -> Iterator[Harness]:
    if request.param == "memory":
        clock = ManualClock()
        memory = MemoryJobStore(clock, ttl_seconds=TTL)
        yield Harness(memory, memory.lifetime, lambda _job_id: _pass(clock))
    else:
        client: Redis = request.getfixturevalue("empty_valkey")
        yield Harness(
            RedisJobStore(client, ttl_seconds=TTL),
            lambda job_id: _redis_lifetime(client, job_id),
            lambda job_id: _redis_vanish(client, job_id),
        )


@pytest.fixture
def store(harness: Harness) -> JobStore:
    return harness.store


def _pass(clock: ManualClock) -> None:
    clock.advance(TTL + 1)


def _redis_lifetime(client: Redis, job_id: str) -> float | None:
    seconds = client.ttl(f"timbre:{{jobs}}:job:{job_id}")
    return None if seconds < 0 else float(seconds)


def _redis_vanish(client: Redis, job_id: str) -> None:
    assert client.delete(f"timbre:{{jobs}}:job:{job_id}") == 1


def _added(store: JobStore, **overrides: object) -> Job:
    job = make_job(**overrides)
    store.add(job)
    return job


def _claimed(store: JobStore, *, lease: float = 10.0, **overrides: object) -> Job:
    job = _added(store, **overrides)
    return store.replace(job, transitions.claim(job, "worker-1", START, lease))


def _ended(store: JobStore, **overrides: object) -> Job:
    job = _claimed(store, **overrides)
    return store.replace(job, transitions.fail(job, job.attempt, FAULT, START + 1))


# --- records ------------------------------------------------------------------------------------


def test_a_job_comes_back_as_it_was_stored(store: JobStore) -> None:
    job = _added(store, text="Grüße 你好 🎙", ref_text=None, seed=2**32 - 1, speed=0.5)
    assert store.get(job.id) == job


def test_every_field_survives(store: JobStore) -> None:
    job = _claimed(store)
    output = JobOutput("outputs/x/1.wav", "wav", 3, "a" * 64, 1.25, 24_000, 7)
    done = transitions.succeed(job, 1, output, {"total": 1.5}, START + 2)
    stored = store.replace(job, done)
    assert store.get(job.id) == stored == replace(done, revision=job.revision + 1)


def test_an_unknown_job(store: JobStore) -> None:
    ghost = make_job()
    for call in (lambda: store.get(ghost.id), lambda: store.remove(ghost.id), lambda: store.replace(ghost, ghost)):
        with pytest.raises(JobNotFound):
            call()


def test_an_id_is_given_once(store: JobStore) -> None:
    job = _added(store)
    store.add(job)  # the first answer may have been lost on the way
    with pytest.raises(StaleJob):
        store.add(replace(job, owner="someone else"))
    assert store.get(job.id).owner == "anonymous"


def test_removed_is_gone_everywhere(store: JobStore) -> None:
    queued, running, ended = _added(store), _claimed(store), _ended(store)
    for job in (queued, running, ended):
        store.remove(job.id)
        with pytest.raises(JobNotFound):
            store.get(job.id)
    # Counted before anybody lists, since listings tidy up.
    assert store.counts() == {JobStatus.QUEUED: 0, JobStatus.PROCESSING: 0}
    assert list(store.page("anonymous", limit=10).jobs) == []
    assert list(store.queued(10)) == []
    assert list(store.lapsed(START + 1_000, 10)) == []


# --- limits -------------------------------------------------------------------------------------


def test_an_owner_has_no_more_jobs_under_way_than_the_limit(store: JobStore) -> None:
    waiting, running = _added(store), _claimed(store)
    _ended(store)
    _added(store, owner="another")
    store.add(make_job(), limit=3)
    with pytest.raises(TooManyJobs, match="3 jobs"):
        store.add(make_job(), limit=3)
    store.add(waiting, limit=1)  # the first answer may have been lost on the way
    store.replace(running, transitions.fail(running, 1, FAULT, START + 1))
    store.add(make_job(), limit=3)


def test_a_refused_job_leaves_nothing(store: JobStore) -> None:
    _added(store)
    refused = make_job()
    with pytest.raises(TooManyJobs):
        store.add(refused, limit=1)
    with pytest.raises(JobNotFound):
        store.get(refused.id)
    assert store.counts()[JobStatus.QUEUED] == 1


def test_of_many_at_once_the_limit_is_let_in(store: JobStore) -> None:
    def attempt(_: int) -> bool:
        try:
            store.add(make_job(), limit=5)
        except TooManyJobs:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(attempt, range(24))) == 5
    assert store.usage("anonymous", START).jobs == 5


def test_usage_is_each_owners_own(store: JobStore) -> None:
    _added(store, owner="acme")
    _claimed(store, owner="acme")
    _ended(store, owner="acme")
    assert store.usage("acme", START) == Usage(jobs=2, audio_seconds=0.0)
    assert store.usage("acm", START) == store.usage("nobody", START) == Usage(0, 0.0)


def test_audio_is_counted_on_the_day_that_it_was_made(store: JobStore) -> None:
    day = 86_400.0
    midnight = START - START % day + day
    for completed_at, seconds in ((midnight - 1, 1.25), (midnight, 2.5), (midnight + 9, 0.25)):
        job = _claimed(store, owner="acme")
        output = JobOutput("outputs/x/1.wav", "wav", 3, "a" * 64, seconds, 24_000, 7)
        done = transitions.succeed(job, 1, output, {}, completed_at)
        store.replace(job, done)
        store.replace(job, done)  # the first answer may have been lost on the way
        store.remove(job.id)
    assert store.usage("acme", midnight - 5).audio_seconds == 1.25
    assert store.usage("acme", midnight + day - 1).audio_seconds == 2.75
    assert store.usage("acme", midnight + day).audio_seconds == 0.0
    assert store.usage("other", midnight).audio_seconds == 0.0


def test_a_copy_of_audio_is_not_counted(store: JobStore) -> None:
    job = _claimed(store, owner="acme")
    copy = JobOutput("outputs/x/0.wav", "wav", 3, "a" * 64, 1.25, 24_000, 7, cached=True)
    store.replace(job, transitions.succeed(job, 1, copy, {}, START))
    assert store.usage("acme", START).audio_seconds == 0.0


def test_what_was_counted_leaves_the_server_by_itself(empty_valkey: Redis) -> None:
    store = RedisJobStore(empty_valkey, ttl_seconds=TTL)
    job = _claimed(store, owner="acme")
    output = JobOutput("outputs/x/1.wav", "wav", 3, "a" * 64, 1.0, 24_000, 7)
    store.replace(job, transitions.succeed(job, 1, output, {}, START))
    (account,) = empty_valkey.keys("timbre:{jobs}:spoken:acme:*")
    assert 86_400 < empty_valkey.ttl(account) <= 2 * 86_400


# --- compare and set ----------------------------------------------------------------------------


def test_replace_counts_revisions(store: JobStore) -> None:
    job = _added(store)
    first = store.replace(job, transitions.mark_enqueued(job, START))
    second = store.replace(first, transitions.mark_enqueued(first, START + 1))
    assert (job.revision, first.revision, second.revision) == (0, 1, 2)
    assert store.get(job.id) == second


def test_a_stale_writer_is_refused(store: JobStore) -> None:
    job = _added(store)
    claimed = store.replace(job, transitions.claim(job, "fast", START, 10))
    with pytest.raises(StaleJob):
        store.replace(job, transitions.claim(job, "slow", START, 10))
    assert store.get(job.id) == claimed


def test_one_of_sixteen_concurrent_claims_wins(store: JobStore) -> None:
    job = _added(store)
    barrier = threading.Barrier(16)

    def claim(number: int) -> Job | None:
        barrier.wait()
        try:
            return store.replace(job, transitions.claim(job, f"worker-{number}", START, 10))
        except StaleJob:
            return None

    with ThreadPoolExecutor(16) as pool:
        winners = [won for won in pool.map(claim, range(16)) if won is not None]
    assert len(winners) == 1
    assert store.get(job.id) == winners[0]


def test_an_end_stored_twice_is_no_conflict(store: JobStore) -> None:
    job = _claimed(store)
    done = transitions.fail(job, 1, FAULT, START)
    assert store.replace(job, done) == store.replace(job, done)


def test_another_end_is_a_conflict(store: JobStore) -> None:
    job = _claimed(store)
    store.replace(job, transitions.fail(job, 1, FAULT, START))
    with pytest.raises(StaleJob):
        store.replace(job, transitions.confirm_cancel(job, 1, START))
    assert store.get(job.id).status is JobStatus.FAILED


def test_the_same_claim_twice_is_a_conflict(store: JobStore) -> None:
    """Two threads of one worker at the same moment: only one may work."""
    job = _added(store)
    claimed = transitions.claim(job, "worker-1", START, 10)
    store.replace(job, claimed)
    with pytest.raises(StaleJob):
        store.replace(job, claimed)


# --- beats --------------------------------------------------------------------------------------


def test_a_beat_extends_the_lease_in_place(store: JobStore) -> None:
    job = _claimed(store)
    beat = store.beat(job.id, 1, progress=0.5, lease_until=START + 20)
    assert (beat.owned, beat.cancel_requested) == (True, False)
    assert store.get(job.id) == replace(job, progress=0.5, lease_until=START + 20)


def test_a_beat_hears_of_a_cancel(store: JobStore) -> None:
    job = _claimed(store)
    store.replace(job, transitions.request_cancel(job, START))
    beat = store.beat(job.id, 1, progress=0.1, lease_until=START + 20)
    assert (beat.owned, beat.cancel_requested) == (True, True)


def test_beats_of_those_who_own_nothing(store: JobStore) -> None:
    queued, ended, running = _added(store), _ended(store), _claimed(store)
    taken_over = store.replace(running, transitions.claim(running, "worker-2", START + 10, 10))
    for job_id, attempt in ((queued.id, 0), (ended.id, 1), (running.id, 1), (make_job().id, 1)):
        assert not store.beat(job_id, attempt, progress=0.9, lease_until=START + 99).owned
    assert store.get(running.id) == taken_over


def test_a_slow_writer_does_not_take_beats_back(store: JobStore) -> None:
    job = _claimed(store)
    store.beat(job.id, 1, progress=0.7, lease_until=START + 30)
    asked = store.replace(job, transitions.request_cancel(job, START))
    assert (asked.progress, asked.lease_until, asked.cancel_requested) == (0.7, START + 30, True)
    assert store.get(job.id) == asked
    assert list(store.lapsed(START + 29, 10)) == []


def test_a_new_attempt_starts_anew(store: JobStore) -> None:
    job = _claimed(store)
    store.beat(job.id, 1, progress=0.7, lease_until=START + 5)
    taken_over = store.replace(job, transitions.claim(job, "worker-2", START + 10, 10))
    assert (taken_over.progress, taken_over.lease_until, taken_over.attempt) == (0.0, START + 20, 2)


# --- what the sweeper asks ----------------------------------------------------------------------


def test_lapsed_leases_longest_ago_first(store: JobStore) -> None:
    late, later, alive = _claimed(store, lease=3.0), _claimed(store, lease=5.0), _claimed(store, lease=60.0)
    assert [job.id for job in store.lapsed(START + 10, 10)] == [late.id, later.id]
    assert [job.id for job in store.lapsed(START + 10, 1)] == [late.id]
    assert [job.id for job in store.lapsed(START + 60, 10)] == [late.id, later.id, alive.id]
    store.beat(late.id, 1, progress=0.1, lease_until=START + 20)
    assert [job.id for job in store.lapsed(START + 10, 10)] == [later.id]


def test_queued_jobs_longest_waiting_first(store: JobStore) -> None:
    second = _added(store, created_at=START + 2, owner="a")
    first = _added(store, created_at=START + 1, owner="b")
    _claimed(store, created_at=START)
    assert [job.id for job in store.queued(10)] == [first.id, second.id]
    assert [job.id for job in store.queued(1)] == [first.id]
    assert store.counts() == {JobStatus.QUEUED: 2, JobStatus.PROCESSING: 1}


def test_places_in_the_queue(store: JobStore) -> None:
    second = _added(store, created_at=START + 2, owner="a")
    first = _added(store, created_at=START + 1, owner="b")
    running, ended, ghost = _claimed(store, created_at=START), _ended(store), make_job()
    asked = [second.id, running.id, first.id, ended.id, ghost.id]
    assert list(store.positions(asked)) == [1, None, 0, None, None]
    store.replace(first, transitions.claim(first, "worker-1", START, 10))
    assert list(store.positions([second.id])) == [0]
    assert list(store.positions([])) == []


def test_a_released_job_keeps_its_turn(store: JobStore) -> None:
    job = _claimed(store, created_at=START)
    _added(store, created_at=START + 1)
    store.replace(job, transitions.release(job, 1, START + 5))
    assert store.queued(10)[0].id == job.id
    assert list(store.lapsed(START + 1_000, 10)) == []


# --- lifetimes ----------------------------------------------------------------------------------


def test_a_lifetime_starts_at_the_end(harness: Harness) -> None:
    store = harness.store
    queued, running, ended = _added(store), _claimed(store), _ended(store)
    assert harness.lifetime(queued.id) is None
    assert harness.lifetime(running.id) is None
    assert harness.lifetime(ended.id) == pytest.approx(TTL, abs=2)


def test_the_vanished_leave_the_listing(harness: Harness) -> None:
    store = harness.store
    kept, ended = _added(store), _ended(store)
    harness.vanish(ended.id)
    with pytest.raises(JobNotFound):
        store.get(ended.id)
    assert [job.id for job in store.page("anonymous", limit=10).jobs] == [kept.id]
    assert list(store.page("anonymous", limit=10, status=JobStatus.FAILED).jobs) == []


def test_indexes_do_not_outgrow_the_records(empty_valkey: Redis) -> None:
    store = RedisJobStore(empty_valkey, ttl_seconds=TTL)
    for number in range(20):
        _redis_vanish(empty_valkey, _ended(store, created_at=START + number).id)
    for number in range(5):
        _added(store, created_at=START + 100 + number)
    assert empty_valkey.zcard("timbre:{jobs}:all:anonymous") == 5
    assert empty_valkey.zcard("timbre:{jobs}:failed:anonymous") == 0


# --- audio and its lifetime ---------------------------------------------------------------------


def _spoken(store: JobStore, expires_at: float | None, **overrides: object) -> Job:
    job = _claimed(store, **overrides)
    output = JobOutput(f"outputs/{job.id}/1.wav", "wav", 3, "a" * 64, 1.25, 24_000, 7, expires_at=expires_at)
    return store.replace(job, transitions.succeed(job, 1, output, {}, START + 1))


def test_the_write_that_ends_a_job_sets_its_audios_time(store: JobStore) -> None:
    later, first = _spoken(store, START + 20), _spoken(store, START + 10)
    for other in (_ended, _claimed, _added):
        other(store)
    _spoken(store, None)  # of a release that did not say
    assert list(store.outlived(START + 9.9, 10)) == []
    assert list(store.outlived(START + 10, 10)) == [first.id]
    assert list(store.outlived(START + 99, 10)) == [first.id, later.id]
    assert list(store.outlived(START + 99, 1)) == [first.id]


def test_audio_is_listed_until_it_is_said_to_be_deleted(harness: Harness) -> None:
    """Also when its record is gone: nothing else knows of it by then."""
    store, job = harness.store, _spoken(harness.store, START + 10)
    harness.vanish(job.id)
    assert list(store.outlived(START + 10, 10)) == [job.id]
    for _ in range(2):
        store.forget_audio(job.id)
        assert list(store.outlived(START + 99, 10)) == []


def test_audio_that_cannot_be_deleted_now_is_listed_later(store: JobStore) -> None:
    stuck, other = _spoken(store, START + 10), _spoken(store, START + 20)
    store.postpone_audio(stuck.id, START + 70)
    assert list(store.outlived(START + 69, 10)) == [other.id]
    assert list(store.outlived(START + 70, 10)) == [other.id, stuck.id]
    store.forget_audio(stuck.id)
    store.postpone_audio(stuck.id, START + 70)
    assert list(store.outlived(START + 70, 10)) == [other.id]


def test_a_removed_jobs_audio_is_not_listed(store: JobStore) -> None:
    store.remove(_spoken(store, START + 10).id)
    assert list(store.outlived(START + 99, 10)) == []


def test_a_later_write_does_not_bring_deleted_audio_back(store: JobStore) -> None:
    job = _spoken(store, START + 10)
    store.forget_audio(job.id)
    store.replace(job, replace(job, metrics={"touched": 1.0}))
    assert list(store.outlived(START + 99, 10)) == []


def test_those_that_there_are_of_many(store: JobStore) -> None:
    first, second = _added(store), _ended(store)
    assert store.find([first.id, make_job().id, second.id]) == {first.id: first, second.id: second}
    assert store.find([]) == {}


# --- listings -----------------------------------------------------------------------------------


def _walk(store: JobStore, limit: int, status: JobStatus | None = None) -> list[str]:
    seen: list[str] = []
    cursor = None
    while True:
        page = store.page("anonymous", limit=limit, cursor=cursor, status=status)
        seen += [job.id for job in page.jobs]
        cursor = page.next_cursor
        if cursor is None:
            return seen


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 8, 100])
def test_pages_hold_everything_once_newest_first(store: JobStore, limit: int) -> None:
    # Three of each moment: ties are told apart by id.
    jobs = [_added(store, created_at=START + number // 3) for number in range(8)]
    newest_first = sorted(jobs, key=lambda job: (job.created_at, job.id), reverse=True)
    assert _walk(store, limit) == [job.id for job in newest_first]


def test_the_last_page_says_so(store: JobStore) -> None:
    for number in range(4):
        _added(store, created_at=START + number)
    first = store.page("anonymous", limit=2)
    assert first.next_cursor is not None
    assert store.page("anonymous", limit=2, cursor=first.next_cursor).next_cursor is None
    assert store.page("nobody", limit=2).next_cursor is None


def test_owners_see_their_own_alone(store: JobStore) -> None:
    mine, theirs = _added(store, owner="me"), _added(store, owner="them")
    assert [job.id for job in store.page("me", limit=10).jobs] == [mine.id]
    assert [job.id for job in store.page("them", limit=10).jobs] == [theirs.id]
    assert list(store.page("m", limit=10).jobs) == []


@pytest.mark.parametrize("limit", [1, 2, 5, 50])
def test_a_filter_by_status_pages_too(store: JobStore, limit: int) -> None:
    failed = []
    for number in range(12):
        if number % 3 == 0:
            failed.append(_ended(store, created_at=START + number).id)
        else:
            _added(store, created_at=START + number)
    assert _walk(store, limit, JobStatus.FAILED) == failed[::-1]
    assert len(_walk(store, limit, JobStatus.QUEUED)) == 8
    assert _walk(store, limit, JobStatus.SUCCEEDED) == []


def test_new_jobs_do_not_shift_a_listing(store: JobStore) -> None:
    old = [_added(store, created_at=START + number).id for number in range(6)][::-1]
    page = store.page("anonymous", limit=3)
    for number in range(10):
        _added(store, created_at=START + 100 + number)
    rest = store.page("anonymous", limit=10, cursor=page.next_cursor)
    assert [job.id for job in [*page.jobs, *rest.jobs]] == old


def test_a_cursor_outlives_its_job(store: JobStore) -> None:
    ids = [_added(store, created_at=START + number).id for number in range(6)][::-1]
    page = store.page("anonymous", limit=3)
    store.remove(ids[2])
    assert [job.id for job in store.page("anonymous", limit=10, cursor=page.next_cursor).jobs] == ids[3:]


def test_listing_while_others_add(store: JobStore) -> None:
    known = {_added(store, created_at=START + number).id for number in range(30)}
    stop = threading.Event()

    def add_more() -> None:
        number = 0
        while not stop.is_set() and number < 500:
            number += 1
            _added(store, created_at=START + 1_000 + number)

    adder = threading.Thread(target=add_more)
    adder.start()
    try:
        seen = _walk(store, 4)
    finally:
        stop.set()
        adder.join()
    assert len(seen) == len(set(seen))
    assert known <= set(seen)


@pytest.mark.parametrize(
    "inside",
    ["", "{}", "[]", "[1, 2]", '[NaN, "x"]', '[true, "x"]', '[-1, "x"]', '[1e99, "x"]', '[1, "\\ud800"]', "not JSON"],
)
def test_a_cursor_that_is_not_ours(store: JobStore, inside: str) -> None:
    with pytest.raises(ValueError, match="cursor"):
        store.page("anonymous", limit=10, cursor=base64.urlsafe_b64encode(inside.encode()).decode())


@pytest.mark.parametrize("cursor", ["?", "é", "a", "=", "A" * 4_000])
def test_a_cursor_that_is_not_even_base64(store: JobStore, cursor: str) -> None:
    with pytest.raises(ValueError, match="cursor"):
        store.page("anonymous", limit=10, cursor=cursor)


def test_ten_thousand_jobs_are_listed_quickly(empty_valkey: Redis) -> None:
    store = RedisJobStore(empty_valkey, ttl_seconds=TTL)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda number: _added(store, created_at=START + number), range(10_000)))
    started = time.perf_counter()
    page = store.page("anonymous", limit=100)
    ended = store.page("anonymous", limit=100, status=JobStatus.FAILED)
    assert len(page.jobs) == 100
    assert list(ended.jobs) == []
    assert time.perf_counter() - started < 0.5


# --- outages ------------------------------------------------------------------------------------


def test_a_store_that_is_away(harness: Harness) -> None:
    down = _down(harness.store)
    job = make_job()
    for call in (
        down.ping,
        down.counts,
        lambda: down.usage("acme", START),
        lambda: down.get(job.id),
        lambda: down.add(job),
        lambda: down.replace(job, job),
        lambda: down.remove(job.id),
        lambda: down.page("anonymous", limit=1),
        lambda: down.beat(job.id, 1, progress=0.0, lease_until=START),
        lambda: down.lapsed(START, 1),
        lambda: down.queued(1),
        lambda: down.positions([job.id]),
        lambda: down.find([job.id]),
        lambda: down.outlived(START, 1),
        lambda: down.postpone_audio(job.id, START),
        lambda: down.forget_audio(job.id),
    ):
        with pytest.raises(JobStoreUnavailable):
            call()


def _down(store: JobStore) -> JobStore:
    if isinstance(store, MemoryJobStore):
        store.down = True
        return store
    return RedisJobStore(Redis(port=1, decode_responses=True, retry=None), ttl_seconds=TTL)
