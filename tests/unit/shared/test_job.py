"""Every transition from every state."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from services.shared.errors import LeaseLost, TransitionRefused
from services.shared.job import Job, JobFault, JobOutput, JobStatus, new_id, output_key, reference_key, transitions
from services.shared.testing import START, make_job

NOW = START + 100
OUTPUT = JobOutput("outputs/x/1.wav", "wav", 3, "a" * 64, 1.25, 24_000, 7)
FAULT = JobFault("engine-failed", "The engine failed", "It did.")
PROCESSING = JobStatus.PROCESSING


def _job_in(status: JobStatus) -> Job:
    """A job as it looks in this state, its lease (if any) still running."""
    job = make_job(enqueued_at=START)
    if status is JobStatus.QUEUED:
        return job
    running = transitions.claim(job, "worker-1", NOW - 1, 10)
    ends: dict[JobStatus, Callable[[], Job]] = {
        JobStatus.PROCESSING: lambda: running,
        JobStatus.SUCCEEDED: lambda: transitions.succeed(running, 1, OUTPUT, {}, NOW),
        JobStatus.FAILED: lambda: transitions.fail(running, 1, FAULT, NOW),
        JobStatus.CANCELED: lambda: transitions.confirm_cancel(running, 1, NOW),
        JobStatus.EXPIRED: lambda: transitions.expire(job, NOW),
    }
    return ends[status]()


TRANSITIONS: dict[str, Callable[[Job], Job]] = {
    "mark_enqueued": lambda job: transitions.mark_enqueued(job, NOW),
    "claim": lambda job: transitions.claim(job, "worker-2", NOW, 10),
    "succeed": lambda job: transitions.succeed(job, 1, OUTPUT, {}, NOW),
    "fail": lambda job: transitions.fail(job, 1, FAULT, NOW),
    "release": lambda job: transitions.release(job, 1, NOW),
    "request_cancel": lambda job: transitions.request_cancel(job, NOW),
    "confirm_cancel": lambda job: transitions.confirm_cancel(job, 1, NOW),
    "expire": lambda job: transitions.expire(job, NOW),
}

#: Where each transition leads; from any other state it is refused.
ALLOWED = {
    ("mark_enqueued", JobStatus.QUEUED): JobStatus.QUEUED,
    ("claim", JobStatus.QUEUED): JobStatus.PROCESSING,
    ("succeed", JobStatus.PROCESSING): JobStatus.SUCCEEDED,
    ("fail", JobStatus.PROCESSING): JobStatus.FAILED,
    ("release", JobStatus.PROCESSING): JobStatus.QUEUED,
    ("request_cancel", JobStatus.QUEUED): JobStatus.CANCELED,
    ("request_cancel", JobStatus.PROCESSING): JobStatus.PROCESSING,
    ("confirm_cancel", JobStatus.PROCESSING): JobStatus.CANCELED,
    ("expire", JobStatus.QUEUED): JobStatus.EXPIRED,
}

#: These tell a worker that it owns nothing any more, whatever became of the job.
FENCED = {"succeed", "fail", "release", "confirm_cancel"}


@pytest.mark.parametrize("status", JobStatus)
@pytest.mark.parametrize("name", TRANSITIONS)
def test_every_transition_from_every_state(name: str, status: JobStatus) -> None:
    job = _job_in(status)
    before = replace(job)
    if (name, status) in ALLOWED:
        assert TRANSITIONS[name](job).status is ALLOWED[name, status]
    else:
        with pytest.raises(LeaseLost if name in FENCED else TransitionRefused):
            TRANSITIONS[name](job)
    assert job == before


@pytest.mark.parametrize("name", sorted(FENCED))
@pytest.mark.parametrize("attempt", [0, 1, 3])
def test_only_the_latest_attempt_decides(name: str, attempt: int) -> None:
    """Attempt 2 runs; 1 was paused past its lease, 0 and 3 never were."""
    job = transitions.claim(_job_in(PROCESSING), "worker-2", NOW + 100, 10)
    calls: dict[str, Callable[[], Job]] = {
        "succeed": lambda: transitions.succeed(job, attempt, OUTPUT, {}, NOW),
        "fail": lambda: transitions.fail(job, attempt, FAULT, NOW),
        "release": lambda: transitions.release(job, attempt, NOW),
        "confirm_cancel": lambda: transitions.confirm_cancel(job, attempt, NOW),
    }
    with pytest.raises(LeaseLost):
        calls[name]()


@pytest.mark.parametrize("status", JobStatus)
def test_ended_jobs_have_an_end_and_no_lease(status: JobStatus) -> None:
    job = _job_in(status)
    assert status.is_terminal == (job.completed_at is not None)
    assert (job.lease_until is not None) == (status is PROCESSING)


def test_a_claim_starts_a_numbered_attempt() -> None:
    claimed = transitions.claim(make_job(progress=0.4), "worker-1", NOW, 10)
    assert (claimed.attempt, claimed.worker, claimed.lease_until) == (1, "worker-1", NOW + 10)
    assert (claimed.started_at, claimed.progress, claimed.setbacks) == (NOW, 0.0, 0)


@pytest.mark.parametrize(("late_by", "taken"), [(-0.001, False), (0.0, True), (50.0, True)])
def test_a_lapsed_lease_is_free_to_take(late_by: float, taken: bool) -> None:
    job = _job_in(PROCESSING)
    assert job.lease_until is not None
    if not taken:
        with pytest.raises(TransitionRefused):
            transitions.claim(job, "worker-2", job.lease_until + late_by, 10)
        return
    again = transitions.claim(job, "worker-2", job.lease_until + late_by, 10)
    assert (again.attempt, again.worker, again.setbacks) == (2, "worker-2", 1)


@pytest.mark.parametrize("setback", [True, False])
def test_a_released_job_waits_as_if_never_sent(setback: bool) -> None:
    back = transitions.release(_job_in(PROCESSING), 1, NOW + 5, setback=setback)
    assert (back.enqueued_at, back.not_before, back.worker, back.lease_until) == (None, NOW + 5, None, None)
    assert (back.attempt, back.setbacks, back.progress) == (1, int(setback), 0.0)


def test_success_holds_what_was_made() -> None:
    done = transitions.succeed(_job_in(PROCESSING), 1, OUTPUT, {"total": 2.0}, NOW)
    assert (done.output, done.metrics, done.progress, done.fault) == (OUTPUT, {"total": 2.0}, 1.0, None)


def test_failure_says_why() -> None:
    failed = transitions.fail(_job_in(PROCESSING), 1, FAULT, NOW)
    assert (failed.fault, failed.output) == (FAULT, None)


def test_a_running_job_is_asked_to_stop() -> None:
    asked = transitions.request_cancel(_job_in(PROCESSING), NOW)
    assert asked.cancel_requested
    assert transitions.request_cancel(asked, NOW) == asked


def test_ids_sort_by_time_and_cannot_be_guessed() -> None:
    assert new_id(START) < new_id(START + 0.001) < new_id(START + 1_000_000)
    assert len({new_id(START) for _ in range(1_000)}) == 1_000
    assert {len(new_id(moment)) for moment in (0.0, START)} == {32}


def test_every_attempt_has_a_key_of_its_own() -> None:
    assert reference_key("j") == "inputs/j/reference"
    assert (output_key("j", 1, "wav"), output_key("j", 2, "flac")) == ("outputs/j/1.wav", "outputs/j/2.flac")


def test_neither_repr_nor_log_context_tells_what_was_said() -> None:
    job = make_job(text="a private sentence", ref_text="a private transcript")
    assert "private" not in repr(job)
    assert "private" not in str(job.log_context())
