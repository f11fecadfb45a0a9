"""Audio that has outlived its time, and what faults left in the bucket: deleted, and nothing else."""

import io

import pytest

from services.shared.batch import new_batch
from services.shared.errors import BlobStoreUnavailable, JobNotFound
from services.shared.job import INPUTS, OUTPUTS, JobStatus, claim, new_id, output_key, reference_key, request_cancel
from services.shared.testing import MemoryBlobStore, make_job
from services.shared.upload import UPLOADS, upload_key
from services.shared.voice import sample_key
from services.worker.orphans import OrphanSearch
from services.worker.retention import Retention

DAY, HOUR = 86_400.0, 3_600.0


class LockingBlobs(MemoryBlobStore):
    """Refuses to delete one blob, as of a bucket with holds."""

    locked: str | None = None

    def delete(self, key: str) -> None:
        if key == self.locked:
            raise BlobStoreUnavailable("The object store refused the request (AccessDenied).")
        super().delete(key)

    def delete_prefix(self, prefix: str) -> None:
        if self.locked and self.locked.startswith(prefix):
            raise BlobStoreUnavailable("The object store deleted all but 1 of 1 blobs.")
        super().delete_prefix(prefix)


@pytest.fixture
def retention(bench):
    """Settings are read when it is made: configure first."""
    return Retention(bench.parts)


def _put(bench, key):
    bench.blobs.put(key, io.BytesIO(b"audio"), 5, "audio/wav")
    return key


def _spoken(bench, **overrides):
    job = bench.submit(**overrides)
    assert bench.runner().run(job.id) is JobStatus.SUCCEEDED
    return bench.jobs.get(job.id)


# --- audio whose time is over -------------------------------------------------------------------


def test_audio_goes_to_the_second(bench, retention):
    job = _spoken(bench)
    assert job.output.expires_at == bench.clock() + 7 * DAY
    bench.clock.advance(7 * DAY - 1)
    retention.enforce()
    assert bench.outputs() == [job.output.key]
    bench.clock.advance(1)
    retention.enforce()
    assert bench.outputs() == []


def test_audio_goes_after_its_record_has_gone(bench, retention):
    """The record vanishes by itself: the list of what is to be deleted does not."""
    job = _spoken(bench)
    bench.clock.advance(8 * DAY)
    with pytest.raises(JobNotFound):
        bench.jobs.get(job.id)
    retention.enforce()
    assert bench.outputs() == []


def test_audio_may_go_before_its_record(bench):
    bench.configure(output_ttl_seconds=60)
    job = _spoken(bench)
    bench.clock.advance(60)
    Retention(bench.parts).enforce()
    assert bench.outputs() == []
    assert bench.jobs.get(job.id).status is JobStatus.SUCCEEDED


def test_what_was_promised_when_the_job_ended_holds(bench):
    job = _spoken(bench)
    bench.configure(job_ttl_seconds=int(30 * DAY))
    bench.clock.advance(7 * DAY)
    Retention(bench.parts).enforce()
    assert bench.outputs() == []
    assert job.output.expires_at == bench.clock()


def test_a_death_between_deletion_and_note_is_made_good(bench, retention):
    job = _spoken(bench)
    bench.clock.advance(7 * DAY)
    bench.blobs.delete(job.output.key)
    retention.enforce()
    assert list(bench.jobs.outlived(bench.clock() + DAY, 10)) == []


def test_an_object_store_that_is_away_is_asked_again(bench, retention):
    _spoken(bench)
    retention.enforce()
    bench.clock.advance(7 * DAY)
    bench.blobs.down = True
    retention.enforce()
    bench.blobs.down = False
    assert len(bench.outputs()) == 1
    bench.clock.advance(60)
    retention.enforce()
    assert bench.outputs() == []


def test_audio_that_cannot_be_deleted_holds_up_no_other(bench):
    bench.blobs = LockingBlobs(bench.clock)
    retention = Retention(bench.parts)
    stuck = _spoken(bench)
    bench.clock.advance(1)
    _spoken(bench)
    bench.clock.advance(7 * DAY)
    bench.blobs.locked = stuck.output.key
    for _ in range(2):
        retention.enforce()
    assert bench.outputs() == [stuck.output.key]
    bench.blobs.locked = None
    bench.clock.advance(60)
    retention.enforce()
    assert bench.outputs() == []


def test_a_job_store_that_is_away_only_delays(bench, retention):
    _spoken(bench)
    bench.clock.advance(7 * DAY)
    bench.jobs.down = True
    retention.enforce()
    bench.jobs.down = False
    retention.enforce()
    assert bench.outputs() == []


# --- the object store's own rules ---------------------------------------------------------------


def test_the_object_store_is_told_for_how_long_at_most(bench):
    bench.configure(output_ttl_seconds=3 * 86_400, input_ttl_seconds=2 * 86_400)
    Retention(bench.parts).enforce()
    assert bench.blobs.lifetimes == {INPUTS: 2 * DAY, OUTPUTS: 3 * DAY, UPLOADS: HOUR}


def test_it_is_told_once_it_is_there(bench, retention):
    bench.blobs.down = True
    retention.enforce()
    assert bench.blobs.lifetimes == {}
    bench.blobs.down = False
    retention.enforce()
    assert bench.blobs.lifetimes.keys() == {INPUTS, OUTPUTS, UPLOADS}


def test_an_object_store_without_rules_is_done_without(bench, retention):
    bench.blobs.lifetimes = None
    _spoken(bench)
    bench.clock.advance(7 * DAY)
    retention.enforce()
    assert bench.outputs() == []


# --- orphans ------------------------------------------------------------------------------------


def _search(bench, **options):
    """One walk from end to end."""
    search = OrphanSearch(bench.parts, **options)
    return sum(search.step() for _ in range(20))


def test_audio_without_a_job_goes_once_it_is_old(bench):
    bench.configure(orphan_ttl_seconds=3_600)
    lost = new_id(bench.clock())
    _put(bench, reference_key(lost))
    _put(bench, output_key(lost, 1, "wav"))
    bench.clock.advance(3_600)
    assert _search(bench) == 0
    bench.clock.advance(1)
    assert _search(bench) == 2
    assert bench.blobs.blobs == {}


def test_what_jobs_need_stays_however_old(bench):
    done = _spoken(bench)
    bench.clock.advance(3 * DAY)
    waiting = bench.submit()
    running = bench.submit()
    bench.jobs.replace(running, claim(running, "worker-a", bench.clock(), 10.0))
    halfway = _put(bench, output_key(running.id, 1, "wav"))
    bench.clock.advance(3 * DAY)
    assert _search(bench) == 0
    assert set(bench.blobs.blobs) == {
        done.output.key,
        waiting.input.reference_key,
        running.input.reference_key,
        halfway,
    }


def test_an_ended_job_keeps_its_output_alone(bench):
    """What its end could not delete, as when the object store was away, is made good."""
    done = _spoken(bench)
    _put(bench, reference_key(done.id))
    _put(bench, output_key(done.id, 7, "wav"))
    canceled = bench.submit()
    bench.jobs.replace(canceled, request_cancel(canceled, bench.clock()))
    assert _search(bench) == 3
    assert list(bench.blobs.blobs) == [done.output.key]


def test_audio_that_nobody_listed_goes_when_its_time_is_over(bench):
    """Of a release that did not list it, or promised more than the settings now allow."""
    bench.configure(job_ttl_seconds=int(30 * DAY))
    done = _spoken(bench)
    bench.configure(job_ttl_seconds=int(30 * DAY), output_ttl_seconds=60)
    bench.clock.advance(59)
    assert _search(bench) == 0
    bench.clock.advance(1)
    assert _search(bench) == 1
    assert bench.jobs.get(done.id).output is not None


def test_voices_and_strangers_are_let_be(bench):
    keys = [
        _put(bench, sample_key(new_id(bench.clock()))),
        _put(bench, "inputs/uploads/holiday.wav"),
        _put(bench, "outputs/readme.txt"),
        _put(bench, "backup/2026.tar"),
    ]
    bench.clock.advance(100 * DAY)
    assert _search(bench) == 0
    assert sorted(bench.blobs.blobs) == sorted(keys)


def test_a_walk_is_made_page_by_page_and_then_rests(bench):
    for _ in range(5):
        lost = new_id(bench.clock())
        _put(bench, reference_key(lost))
        _put(bench, output_key(lost, 1, "wav"))
    bench.clock.advance(2 * DAY)
    search = OrphanSearch(bench.parts, page=2)
    assert [search.step() for _ in range(8)] == [2, 2, 1, 2, 2, 1, 0, 0]
    late = new_id(bench.clock())
    _put(bench, output_key(late, 1, "wav"))
    bench.clock.advance(2 * DAY)
    assert sum(search.step() for _ in range(2)) == 1


def test_a_batchs_recording_is_no_orphan_while_one_of_its_jobs_waits(bench):
    bench.configure(orphan_ttl_seconds=3_600)
    batch = new_batch(new_id(bench.clock()), "anonymous", bench.clock(), 1)
    key = _put(bench, reference_key(batch.id))
    job = make_job(created_at=bench.clock(), batch_id=batch.id, reference_key=key)
    bench.batches.add(batch, [job])
    bench.clock.advance(3_601)
    Retention(bench.parts).enforce()
    assert key in bench.blobs.blobs
    bench.jobs.replace(job, request_cancel(job, bench.clock()))
    Retention(bench.parts).enforce()
    assert key not in bench.blobs.blobs


def test_an_orphan_that_cannot_be_deleted_holds_up_no_other_page(bench):
    bench.blobs = LockingBlobs(bench.clock)
    keys = [_put(bench, output_key(new_id(bench.clock() + number), 1, "wav")) for number in range(3)]
    bench.clock.advance(2 * DAY)
    bench.blobs.locked = keys[0]
    search = OrphanSearch(bench.parts, page=1)
    search.step()
    with pytest.raises(BlobStoreUnavailable):
        search.step()
    assert [search.step() for _ in range(2)] == [1, 1]
    assert bench.outputs() == [keys[0]]


def test_an_outage_in_the_middle_of_a_walk_skips_nothing(bench, retention):
    lost = new_id(bench.clock())
    _put(bench, output_key(lost, 1, "wav"))
    bench.clock.advance(2 * DAY)
    retention.enforce()  # the references' page
    bench.blobs.down = True
    retention.enforce()
    bench.blobs.down = False
    retention.enforce()
    assert bench.outputs() == []


def test_a_walk_begins_at_once_and_again_an_hour_later(bench, retention):
    for _ in range(2):
        lost = new_id(bench.clock() - 2 * DAY)
        _put(bench, output_key(lost, 1, "wav"))
    bench.clock.advance(2 * DAY)
    retention.enforce()
    retention.enforce()
    assert bench.outputs() == []
    _put(bench, output_key(new_id(bench.clock()), 1, "wav"))
    bench.clock.advance(3_599)
    for _ in range(3):
        retention.enforce()
    assert len(bench.outputs()) == 1


def test_a_direct_upload_goes_when_it_may_be_used_no_more(bench):
    bench.configure(upload_ttl_seconds=600)
    old = _put(bench, upload_key("anna", new_id(bench.clock())))
    bench.clock.advance(300)
    new = _put(bench, upload_key("anna", new_id(bench.clock())))
    others = _put(bench, "uploads/something-else")
    assert _search(bench) == 0
    bench.clock.advance(300)
    assert _search(bench) == 1
    assert set(bench.blobs.blobs) == {new, others}
    assert old not in bench.blobs.blobs
