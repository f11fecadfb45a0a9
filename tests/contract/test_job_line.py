"""What every `JobLine` must do."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from itertools import count

import pytest
from redis import Redis

from services.shared.adapters.redis_batches import RedisBatchStore
from services.shared.adapters.redis_jobs import RedisJobStore
from services.shared.adapters.redis_line import RedisJobLine
from services.shared.adapters.redis_line_scripts import TURNS_SECONDS
from services.shared.batch import new_batch
from services.shared.errors import JobNotFound, JobStoreUnavailable, QueueFull
from services.shared.job import Job, JobStatus, transitions
from services.shared.lane import UNNAMED, USUAL, Lane, lanes_of
from services.shared.line import Backlog, Place, Repaired, audio_ms
from services.shared.ports import BatchStore, JobLine, JobStore
from services.shared.priority import Priority
from services.shared.testing import START, ManualClock, MemoryJobStore, make_job
from services.shared.testing.batches import MemoryBatchStore
from services.shared.testing.line import MemoryJobLine

#: Of a text of 15 bytes.
SECOND = "Fifteen letters"


@dataclass(frozen=True)
class Harness:
    jobs: JobStore
    line: JobLine
    batches: BatchStore
    numbers: Iterator[int] = field(default_factory=count)

    def add(self, **fields: object) -> Job:
        """One that came later than those before, so that its id says so."""
        job = make_job(**{"text": SECOND, "created_at": START + next(self.numbers) / 1_000} | fields)
        place = self.jobs.add(job)
        assert place is not None
        assert [place.before] == list(self.jobs.positions([job.id]))
        return job

    def admit(self, lead: int = 1_000, now: float = START) -> list[str]:
        return [one.job_id for one in self.line.admit(now, lead)]

    def owners(self, lead: int = 1_000) -> str:
        """Whose turns come, one letter each."""
        return "".join(self.jobs.get(job_id).owner for job_id in self.admit(lead))

    def claim(self, job_id: str) -> Job:
        job = self.jobs.get(job_id)
        return self.jobs.replace(job, transitions.claim(job, "worker-1", START, 10.0))


@pytest.fixture(params=["memory", "redis"])
def harness(request: pytest.FixtureRequest) -> Iterator[Harness]:
    if request.param == "memory":
        memory = MemoryJobStore(ManualClock())
        yield Harness(memory, MemoryJobLine(memory), MemoryBatchStore(memory, ManualClock()))
    else:
        client: Redis = request.getfixturevalue("empty_valkey")
        yield Harness(RedisJobStore(client, ttl_seconds=3_600), RedisJobLine(client), RedisBatchStore(client))


# --- turns --------------------------------------------------------------------------------------


def test_one_owners_jobs_come_in_the_order_of_their_submission(harness: Harness) -> None:
    ids = [harness.add().id for _ in range(5)]
    assert harness.admit() == ids
    assert harness.admit() == []


def test_each_priority_has_so_many_messages_that_wait(harness: Harness) -> None:
    ids = {priority: [harness.add(priority=priority).id for _ in range(3)] for priority in Priority}
    assert [one.lane for one in harness.line.admit(START, 2)] == [Lane(one) for one in Priority for _ in range(2)]
    assert harness.admit(2) == []
    first = next(job_id for job_id in ids[Priority.BULK] if harness.jobs.get(job_id).enqueued_at is not None)
    harness.claim(first)
    assert [one.lane for one in harness.line.admit(START, 2)] == [Lane(Priority.BULK)]


def test_who_is_stored_is_told_what_waits_in_its_lane(harness: Harness) -> None:
    harness.add(), harness.add(priority=Priority.BULK)
    harness.admit(1)
    place = harness.jobs.add(make_job(text=SECOND, created_at=START + 1))
    assert place == Place(before=1, sent=1)
    assert harness.jobs.add(make_job(created_at=START + 2, priority=Priority.INTERACTIVE)) == Place(0, 0)


def test_what_is_admitted_counts_as_sent(harness: Harness) -> None:
    job = harness.add()
    harness.admit(now=START + 3)
    admitted = harness.jobs.get(job.id)
    assert admitted == replace(job, enqueued_at=START + 3, revision=1)
    assert [one.id for one in harness.line.sent(START + 3)] == []
    assert list(harness.line.sent(START + 4)) == [admitted]
    harness.claim(job.id)
    assert list(harness.line.sent(START + 4)) == []


def test_owners_take_turns_whoever_came_first(harness: Harness) -> None:
    for owner in "aaaaab":
        harness.add(owner=owner)
    for owner in "bc":
        harness.add(owner=owner)
    assert sorted(harness.owners(3)) == ["a", "b", "c"]


def test_a_flood_before_others_does_not_delay_them(harness: Harness) -> None:
    for _ in range(50):
        harness.add(owner="a")
    assert harness.owners(4) == "aaaa"
    single = harness.add(owner="b")
    sent = [one.id for one in harness.line.sent(START + 1)]
    harness.claim(sent[0])
    assert harness.admit(4) == [single.id]


def test_a_heavier_owner_has_more_turns(harness: Harness) -> None:
    for _ in range(12):
        harness.add(owner="a", weight=3.0)
        harness.add(owner="b")
    order = harness.owners(8)
    assert (order.count("a"), order.count("b")) == (6, 2)


def test_longer_texts_and_more_steps_are_longer_turns(harness: Harness) -> None:
    for _ in range(12):
        harness.add(owner="a", text=SECOND * 2, nfe_step=14)
        harness.add(owner="b", nfe_step=14)
    order = harness.owners(9)
    assert (order.count("a"), order.count("b")) == (3, 6)


def test_who_was_away_saves_no_turns_up(harness: Harness) -> None:
    for _ in range(20):
        harness.add(owner="a")
    for _ in range(4):
        (job_id,) = harness.admit(1)
        harness.claim(job_id)
    for _ in range(20):
        harness.add(owner="b")
    order = harness.owners(8)
    assert order == "babababa"


def test_who_submits_one_at_a_time_gains_nothing(harness: Harness) -> None:
    order = ""
    for _ in range(10):
        harness.add(owner="a")
        harness.add(owner="a")
    for _ in range(8):
        harness.add(owner="b")
        (job_id,) = harness.admit(1)
        order += harness.claim(job_id).owner
    assert order.count("a") == order.count("b")


def test_turns_that_nobody_takes_are_given_back(harness: Harness) -> None:
    dropped = [harness.add(owner="a") for _ in range(20)]
    for number, job in enumerate(dropped):
        if number % 2:
            harness.jobs.remove(job.id)
        else:
            harness.jobs.replace(job, transitions.request_cancel(job, START))
    for _ in range(3):
        harness.add(owner="b")
    mine = harness.add(owner="a")
    assert mine.id in harness.admit(2)


def test_what_a_worker_gave_back_is_before_what_came_later(harness: Harness) -> None:
    first = harness.add(owner="a")
    for owner in "aabb":
        harness.add(owner=owner)
    assert harness.admit(1) == [first.id]
    job = harness.claim(first.id)
    harness.jobs.replace(job, transitions.release(job, 1, START))
    assert harness.admit(1) == [first.id]


def test_a_resting_job_is_passed_over_until_its_rest_is_over(harness: Harness) -> None:
    resting = harness.add()
    later = harness.add()
    job = harness.claim(resting.id)
    harness.jobs.replace(job, transitions.release(job, 1, START + 8, setback=True))
    assert harness.admit(now=START + 7) == [later.id]
    assert harness.admit(now=START + 8) == [resting.id]


def test_a_message_that_could_not_be_sent_leaves_its_job_in_line(harness: Harness) -> None:
    job = harness.add()
    assert harness.admit(1) == [job.id]
    admitted = harness.jobs.get(job.id)
    harness.jobs.replace(admitted, transitions.mark_unsent(admitted))
    assert list(harness.line.sent(START + 1)) == []
    assert harness.admit(1) == [job.id]


def test_who_ends_in_line_is_not_admitted(harness: Harness) -> None:
    expired, canceled, removed, stays = (harness.add() for _ in range(4))
    harness.jobs.replace(expired, transitions.expire(expired, START))
    harness.jobs.replace(canceled, transitions.request_cancel(canceled, START))
    harness.jobs.remove(removed.id)
    assert harness.admit() == [stays.id]


def test_a_dead_workers_job_holds_no_place(harness: Harness) -> None:
    """Places are of messages that wait: what happens to a worker cannot leak one."""
    for _ in range(3):
        harness.add()
        assert len(harness.admit(1)) == 1
        harness.claim(harness.line.sent(START + 1)[0].id)
    assert harness.jobs.counts()[JobStatus.PROCESSING] == 3


def test_each_job_is_given_to_one_caller(harness: Harness) -> None:
    ids = {harness.add().id for _ in range(40)}
    with ThreadPoolExecutor(4) as pool:
        admitted = [job_id for found in pool.map(harness.admit, range(1, 41)) for job_id in found]
    assert len(admitted) == 40
    assert set(admitted) == ids


def test_a_batch_stands_in_line(harness: Harness) -> None:
    batch = new_batch("b1", "a", START, 2)
    jobs = sorted((make_job(owner="a", batch_id="b1") for _ in range(2)), key=lambda job: job.id)
    harness.batches.add(batch, jobs)
    assert harness.admit() == [job.id for job in jobs]


# --- places -------------------------------------------------------------------------------------


def test_places_are_in_the_order_of_turns(harness: Harness) -> None:
    bulk = harness.add(priority=Priority.BULK)
    flood = [harness.add(owner="a") for _ in range(5)]
    assert harness.admit(1) == [flood[0].id, bulk.id]
    single = harness.add(owner="b")
    urgent = harness.add(priority=Priority.INTERACTIVE)
    ids = [urgent.id, flood[0].id, single.id, *(job.id for job in flood[1:]), bulk.id]
    assert list(harness.jobs.positions(ids)) == list(range(8))


def test_a_resting_job_is_last_of_its_priority(harness: Harness) -> None:
    resting, other = harness.add(), harness.add()
    job = harness.claim(resting.id)
    harness.jobs.replace(job, transitions.release(job, 1, START + 60))
    assert list(harness.jobs.positions([resting.id, other.id])) == [1, 0]


# --- models ---------------------------------------------------------------------------------------


def test_each_model_has_lines_of_its_own(harness: Harness) -> None:
    unnamed = [harness.add().id for _ in range(2)]
    ours = [harness.add(model="ours").id for _ in range(2)]
    urgent = harness.add(model="theirs", priority=Priority.INTERACTIVE).id
    admitted = harness.line.admit(START, 1)
    assert [(one.job_id, one.lane.name) for one in admitted] == [
        (urgent, "interactive@theirs"),
        (unnamed[0], "default"),
        (ours[0], "default@ours"),
    ]
    assert [job.id for job in harness.line.sent(START + 1)] == [urgent, unnamed[0], ours[0]]
    harness.claim(ours[0])
    assert harness.admit(1) == [ours[1]]


def test_a_flood_for_one_model_holds_no_other_up(harness: Harness) -> None:
    for _ in range(5):
        harness.add(model="ours")
    other = harness.add(model="theirs")
    assert len(harness.admit(1)) == 2
    assert list(harness.jobs.positions([other.id])) == [0]


def test_lanes_are_known_while_jobs_stand_in_them(harness: Harness) -> None:
    assert tuple(harness.line.lanes()) == UNNAMED
    job, other = harness.add(model="ours"), harness.add(model="theirs", priority=Priority.BULK)
    assert tuple(harness.line.lanes()) == lanes_of([None, "ours", "theirs"])
    harness.admit()
    harness.jobs.remove(other.id)
    harness.line.repair(START, 0, 10)
    assert tuple(harness.line.lanes()) == lanes_of([None, "ours"])
    claimed = harness.claim(job.id)
    harness.jobs.replace(claimed, transitions.release(claimed, 1, START + 60))
    harness.line.repair(START, 0, 10)
    assert harness.admit(now=START + 60) == [job.id]
    assert tuple(harness.line.lanes()) == lanes_of([None, "ours"])


def test_places_count_those_for_the_same_model(harness: Harness) -> None:
    ours = [harness.add(model="ours", priority=priority) for priority in (Priority.BULK, Priority.INTERACTIVE)]
    ours += [harness.add(model="ours") for _ in range(2)]
    unnamed = harness.add()
    harness.add(priority=Priority.INTERACTIVE)
    harness.admit(1)
    assert list(harness.jobs.positions([job.id for job in ours])) == [3, 0, 1, 2]
    assert list(harness.jobs.positions([unnamed.id])) == [1]


def test_the_backlog_of_a_named_model(harness: Harness) -> None:
    job = harness.add(model="ours")
    harness.add()
    expected = dict.fromkeys(UNNAMED, 0) | {USUAL: 1_000, job.lane: 1_000}
    assert {lane: ms for lane, ms in harness.line.backlog_by_lane().items() if ms or lane in UNNAMED} == expected
    assert harness.line.backlog("anonymous").total == 2_000
    harness.jobs.remove(job.id)
    assert harness.line.backlog_by_lane().get(job.lane, 0) == 0


# --- walking through all of them ----------------------------------------------------------------


def test_the_queue_is_walked_through_in_pieces(harness: Harness) -> None:
    for _ in range(5):
        harness.add()
    starts = [0]
    for _ in range(3):
        starts.append(harness.line.repair(START, starts[-1], 2).next_start)
    assert starts == [0, 2, 4, 0]
    # Where it got shorter meanwhile, too.
    assert harness.line.repair(START, 8, 2) == Repaired(0, 0)


# --- how much is queued -------------------------------------------------------------------------


def test_the_backlog_is_what_is_queued(harness: Harness) -> None:
    first, second = harness.add(owner="a"), harness.add(owner="a", text=SECOND * 2)
    harness.add(owner="b", speed=0.5)
    assert harness.line.backlog("a") == Backlog(total=5_000, own=3_000, owners=2)
    assert harness.line.backlog("nobody") == Backlog(5_000, 0, 2)
    harness.admit()
    assert harness.line.backlog("a").own == 3_000
    job = harness.claim(first.id)
    assert harness.line.backlog("a") == Backlog(4_000, 2_000, 2)
    harness.jobs.replace(job, transitions.release(job, 1, START))
    assert harness.line.backlog("a") == Backlog(5_000, 3_000, 2)
    harness.jobs.remove(first.id)
    harness.jobs.remove(second.id)
    assert harness.line.backlog("a") == Backlog(2_000, 0, 1)


def test_it_is_told_of_each_lane(harness: Harness) -> None:
    assert set(harness.line.backlog_by_lane().values()) == {0}
    bulk = harness.add(priority=Priority.BULK, text=SECOND * 2)
    for owner in ("a", "b"):
        harness.add(owner=owner)
    expected = dict.fromkeys(UNNAMED, 0) | {USUAL: 2_000, Lane(Priority.BULK): 2_000}
    assert harness.line.backlog_by_lane() == expected
    job = harness.claim(bulk.id)
    assert harness.line.backlog_by_lane() == expected | {Lane(Priority.BULK): 0}
    harness.jobs.replace(job, transitions.release(job, 1, START + 60))
    assert harness.line.backlog_by_lane() == expected
    harness.jobs.remove(bulk.id)
    assert harness.line.backlog_by_lane() == expected | {Lane(Priority.BULK): 0}


def test_a_full_queue_turns_those_away_who_fill_it(harness: Harness) -> None:
    def add(owner: str) -> None:
        harness.jobs.add(make_job(owner=owner, text=SECOND), room_seconds=3)

    for _ in range(3):
        add("a")
    with pytest.raises(QueueFull) as refused:
        add("a")
    assert refused.value.more_ms == 1_000
    add("b")
    with pytest.raises(QueueFull):
        add("b")
    assert harness.line.backlog("b") == Backlog(4_000, 1_000, 2)
    assert harness.jobs.counts()[JobStatus.QUEUED] == 4


def test_a_job_that_found_no_room_leaves_nothing(harness: Harness) -> None:
    harness.add()
    refused = make_job(text=SECOND)
    with pytest.raises(QueueFull):
        harness.jobs.add(refused, room_seconds=1)
    with pytest.raises(JobNotFound):
        harness.jobs.get(refused.id)
    assert len(harness.admit()) == 1


def test_a_batch_comes_as_a_whole_or_not_at_all(harness: Harness) -> None:
    harness.add(owner="a")
    jobs = [make_job(owner="a", batch_id="b1", text=SECOND) for _ in range(3)]
    batch = new_batch("b1", "a", START, 3)
    with pytest.raises(QueueFull) as refused:
        harness.batches.add(batch, jobs, room_seconds=3.5)
    assert refused.value.more_ms == sum(map(audio_ms, jobs))
    assert harness.jobs.counts()[JobStatus.QUEUED] == 1
    harness.batches.add(batch, jobs, room_seconds=4)


# --- deadlines ----------------------------------------------------------------------------------


def test_queued_jobs_past_their_deadline_longest_ago_first(harness: Harness) -> None:
    later, sooner = harness.add(deadline_at=START + 5), harness.add(deadline_at=START + 4)
    running = harness.add(deadline_at=START + 1)
    harness.claim(running.id)
    harness.add()
    assert [job.id for job in harness.jobs.overdue(START + 5, 10)] == [sooner.id, later.id]
    assert [job.id for job in harness.jobs.overdue(START + 5, 1)] == [sooner.id]
    assert [job.id for job in harness.jobs.overdue(START + 4.5, 10)] == [sooner.id]
    harness.jobs.remove(sooner.id)
    assert [job.id for job in harness.jobs.overdue(START + 5, 10)] == [later.id]


# --- what goes wrong ----------------------------------------------------------------------------


def test_a_line_that_is_away(harness: Harness) -> None:
    line = harness.line
    if isinstance(harness.jobs, MemoryJobStore):
        harness.jobs.down = True
    else:
        line = RedisJobLine(Redis(port=1, decode_responses=True, retry=None))
    calls = (lambda: line.admit(START, 1), lambda: line.sent(START), lambda: line.repair(START, 0, 1))
    for call in (*calls, lambda: line.backlog("a"), line.backlog_by_lane, line.lanes):
        with pytest.raises(JobStoreUnavailable):
            call()


def test_a_line_that_was_empty_for_a_moment_favours_nobody(harness: Harness) -> None:
    """Whose turn it was is not forgotten with the model, and a job given back has its place."""
    early = harness.add(owner="a", model="ours")
    harness.add(owner="a", model="ours")
    claimed = [harness.claim(job_id) for job_id in harness.admit()]
    harness.line.repair(START, 0, 10)
    assert tuple(harness.line.lanes()) == UNNAMED
    again, other = harness.add(owner="a", model="ours"), harness.add(owner="b", model="ours")
    harness.jobs.replace(claimed[0], transitions.release(claimed[0], 1, START))
    assert harness.admit() == [early.id, other.id, again.id]


# --- Redis alone: what other releases and hands in the database leave ---------------------------


@pytest.fixture
def on_redis(empty_valkey: Redis) -> Harness:
    jobs = RedisJobStore(empty_valkey, ttl_seconds=3_600)
    return Harness(jobs, RedisJobLine(empty_valkey), RedisBatchStore(empty_valkey))


def test_the_turns_of_a_model_that_is_gone_are_kept_for_a_while(on_redis: Harness, empty_valkey: Redis) -> None:
    turns = [f"timbre:{{jobs}}:{kind}:default{lane}" for kind in ("ends", "clock") for lane in ("@ours", "")]
    for model in ("ours", None):
        on_redis.add(model=model)
        on_redis.add(model=model)
    last = [on_redis.claim(job_id) for job_id in on_redis.admit()][-1]
    on_redis.line.repair(START, 0, 10)
    lifetimes = [empty_valkey.ttl(key) for key in turns]
    assert [0 < seconds <= TURNS_SECONDS for seconds in lifetimes] == [True, False, True, False]
    # Named again: kept again, also where it is a job that was given back.
    on_redis.jobs.replace(last, transitions.release(last, 1, START))
    on_redis.line.admit(START, 0)
    assert [empty_valkey.ttl(key) for key in turns] == [-1] * 4


def test_a_job_that_stands_nowhere_is_put_back_into_line(on_redis: Harness, empty_valkey: Redis) -> None:
    job = on_redis.add()
    empty_valkey.delete("timbre:{jobs}:waiting:default")
    assert on_redis.admit() == []
    assert on_redis.line.repair(START, 0, 10).jobs == 1
    assert on_redis.line.repair(START, 0, 10).jobs == 0
    assert on_redis.admit() == [job.id]


def test_those_that_stand_nowhere_are_found_wherever_they_are(on_redis: Harness, empty_valkey: Redis) -> None:
    oldest, lost, youngest = (on_redis.add() for _ in range(3))
    for job in (lost, youngest):
        empty_valkey.zrem("timbre:{jobs}:waiting:default", job.id)
    assert on_redis.line.repair(START, 0, 1) == Repaired(0, 1)
    assert on_redis.line.repair(START, 1, 1) == Repaired(1, 2)
    assert on_redis.admit() == [oldest.id, lost.id]
    assert on_redis.line.repair(START, 2, 2) == Repaired(1, 0)
    assert on_redis.admit() == [youngest.id]


def test_jobs_of_a_release_that_knew_no_line_count_as_sent(on_redis: Harness, empty_valkey: Redis) -> None:
    job = on_redis.add()
    record = f"timbre:{{jobs}}:job:{job.id}"
    empty_valkey.hdel(record, "enqueued_at", "tag", "turn", "priority", "audio_ms")
    empty_valkey.delete("timbre:{jobs}:waiting:default", "timbre:{jobs}:backlog")
    assert on_redis.line.repair(START, 0, 10).jobs == 1
    assert [one.id for one in on_redis.line.sent(START + 1)] == [job.id]
    on_redis.jobs.remove(on_redis.claim(job.id).id)
    assert on_redis.line.backlog("anonymous") == Backlog(0, 0, 0)


def test_records_deleted_by_hand_keep_no_place(on_redis: Harness, empty_valkey: Redis) -> None:
    waiting, sent = on_redis.add(), on_redis.add(priority=Priority.BULK)
    on_redis.line.admit(START, 0)
    on_redis.admit(1)
    for job in (waiting, sent):
        empty_valkey.delete(f"timbre:{{jobs}}:job:{job.id}")
    assert on_redis.line.sent(START + 1) == []
    assert on_redis.jobs.queued(10) == []
    assert on_redis.line.repair(START, 0, 10).jobs == 0
    assert on_redis.line.backlog("anonymous") == Backlog(0, 0, 0)
    assert set(on_redis.line.backlog_by_lane().values()) == {0}
    job = on_redis.add()
    assert on_redis.admit(1) == [job.id]
