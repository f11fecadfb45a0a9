"""What chaos makes of what it finds, and how hard it strikes."""

from collections import Counter
from datetime import UTC, datetime
from typing import Any

import pytest

from benchmarks.chaos.deeds import DEATHS_A_MINUTE, PARTS, Strikes, rows
from benchmarks.chaos.traffic import BATCH_ITEMS, Ledger
from benchmarks.chaos.verdict import Verdict, broken
from timbre_client.job import Job, JobInput

NOW = datetime(2026, 11, 25, tzinfo=UTC)
INPUT = JobInput(
    text="Hello.", reference_sha256="", speed=1.0, nfe_step=4, cfg_strength=2.0, remove_silence=False, format="wav"
)


def job(job_id: str = "job", status: Any = "succeeded", **told: Any) -> Job:
    return Job(job_id=job_id, status=status, created_at=NOW, input=INPUT, **told)


def found(*jobs: Job) -> dict[str, Job]:
    return {one.job_id: one for one in jobs}


@pytest.mark.parametrize("status", ["queued", "processing", "failed", "canceled", "expired"])
def test_a_promised_job_that_did_not_succeed_is_broken(status: str) -> None:
    assert broken(found(job(status=status)), Ledger(jobs={"job"})) == ["job"]


def test_a_promised_job_that_is_gone_is_broken() -> None:
    assert broken({}, Ledger(jobs={"job"})) == ["job"]


def test_what_succeeded_or_was_not_wanted_any_more_is_kept() -> None:
    jobs = found(job("spoken"), job("too late to stop"), job("stopped", "canceled"))
    assert broken(jobs, Ledger(jobs={*jobs}, unwanted={"too late to stop", "stopped"})) == []


def test_what_nobody_was_promised_has_to_be_over_all_the_same() -> None:
    assert broken(found(job("left", "canceled"), job("stuck", "processing")), Ledger()) == ["stuck"]


def test_a_batch_is_kept_whole() -> None:
    items = [job(str(number), batch_id="batch") for number in range(BATCH_ITEMS)]
    assert broken(found(*items), Ledger(batches={"batch"})) == []
    assert broken(found(*items[1:]), Ledger(batches={"batch"})) == ["batch"]


@pytest.mark.parametrize("wrong", [{"broken": ["job"]}, {"doubled": ["job"]}, {"damaged": ["job"]}])
def test_one_of_them_is_enough_to_fail(wrong: dict[str, list[str]]) -> None:
    nothing: dict[str, list[str]] = {"broken": [], "doubled": [], "damaged": []}
    assert Verdict(1, {}, {}, [], **nothing).is_kept
    assert not Verdict(1, {}, {}, [], **(nothing | wrong)).is_kept


def test_no_part_is_killed_so_often_that_its_supervisor_gives_up() -> None:
    strikes = Strikes(seed=0)
    moments: dict[str, list[float]] = {part: [] for part in PARTS}
    for now in range(600):
        deed = strikes.next(float(now))
        if not deed.hangs:
            moments[deed.part].append(now)
    for killed in moments.values():
        assert len(killed) > DEATHS_A_MINUTE
        assert all(later - first >= 60 for first, later in zip(killed, killed[DEATHS_A_MINUTE:], strict=False))


def test_deeds_are_counted_by_part() -> None:
    done = Counter({"worker killed": 2, "worker hung": 1})
    assert ("worker", "2", "1") in list(rows(done))
