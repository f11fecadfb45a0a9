"""What the platform's measurements make of their samples, and the route that uploads are compared with."""

import time

import pytest
from fastapi.testclient import TestClient

from benchmarks.api import reads, turnaround, uploads
from benchmarks.api.bare import create_app
from benchmarks.api.parts import Bar, Options, bar_table
from benchmarks.api.turnaround import Turnaround
from benchmarks.api.uploads import Taker
from benchmarks.api.wire import Client, Form
from benchmarks.engine.tables import as_text
from services.shared.job import JobOutput, claim, reference_key, succeed
from services.shared.testing import START, MemoryBlobStore, make_job


def options(**changed: object) -> Options:
    values: dict[str, object] = {"rounds": 3, "quick": False, "seed": 0, "seconds": 60.0} | changed
    return Options(**values)  # type: ignore[arg-type]


def taker(name: str, rates: list[float]) -> Taker:
    made = Taker(name, Client("http://127.0.0.1:9"), lambda count: [Form(b"", "")] * count)
    made.rates, made.latencies = rates, [1.0 / rate for rate in rates]
    return made


@pytest.mark.parametrize(("value", "at_least", "met"), [(2.0, False, True), (2.1, False, False), (1.9, True, False)])
def test_a_bar_is_met_on_its_right_side(value: float, at_least: bool, met: bool) -> None:
    bar = Bar("reads", value, 2.0, "×", at_least=at_least)
    assert bar.met is met
    assert bar.row()[2:] == ("≥ 2×" if at_least else "≤ 2×", "yes" if met else "no")


def test_bars_stand_in_one_table() -> None:
    text = as_text(bar_table([Bar("added", 187.2, 25, " ms")]))
    assert text.splitlines()[-1].split() == ["added", "187", "ms", "≤", "25", "ms", "no"]


def test_time_ends_the_rounds_but_not_before_the_first() -> None:
    assert list(options().each_round()) == [0, 1, 2]
    assert list(options(seconds=-1.0).each_round()) == [0]


def test_a_quick_run_counts_less() -> None:
    assert [options(quick=quick).count(100, quick=20) for quick in (False, True)] == [100, 20]


def test_reads_are_compared_by_their_medians() -> None:
    result = reads.report({"1 queued": [0.001, 0.002, 0.9], "10000 queued": [0.003, 0.003, 0.003]}, 10_000)
    assert result.bar.value == pytest.approx(1.5)
    assert result.bar.met
    assert result.tables[0].rows[0][:3] == ("1 queued", "3", "2 ms (1 ms to 900 ms)")


def test_uploads_are_ours_over_the_bare_route() -> None:
    result = uploads.report(
        [taker("POST /tts", [40.0, 50.0]), taker("bare route", [100.0, 100.0]), taker("new", [30.0])], 240_000
    )
    assert result.bar.value == pytest.approx(0.45)
    assert not result.bar.met
    assert result.tables[0].rows[0][:3] == ("POST /tts", "2", "45.0/s (40.0/s to 50.0/s)")
    assert "240 kB" in result.tables[0].note


def test_what_is_added_is_all_but_the_engines_time() -> None:
    job = claim(make_job(created_at=START), "worker", START + 0.010, 10.0)
    output = JobOutput("key", "wav", 10, "0" * 64, 1.0, 24_000, 7)
    metrics = {"queue_seconds": 0.010, "engine_total_seconds": 0.020, "real_time_factor": 0.1}
    store = {"reference stored": 0.005, "audio stored": 0.006}
    one = Turnaround.of(START - 0.005, 0.060, succeed(job, 1, output, metrics, START + 0.040), store)
    assert (one.added, one.added_to_success) == (pytest.approx(0.040), pytest.approx(0.025, abs=1e-6))
    result = turnaround.report([one])
    assert result.bar.value == pytest.approx(25.0, abs=1e-3)
    assert [row[0] for row in result.tables[1].rows] == ["queue", "engine_total"]
    assert result.tables[2].rows[-1] == ("together", "11 ms")


def test_a_job_that_did_not_succeed_is_no_sample() -> None:
    with pytest.raises(AssertionError, match="queued"):
        Turnaround.of(START, 0.1, make_job(), {})


def test_the_bare_route_stores_the_upload_and_answers_as_ours_does() -> None:
    blobs, form = MemoryBlobStore(time.time), Form.make()
    client = TestClient(create_app(blobs, time.time))
    answer = client.post("/tts", content=form.body, headers={"Content-Type": form.content_type})
    assert answer.status_code == 202
    stored = blobs.get(reference_key(answer.json()["job_id"]))
    assert stored in form.body
    assert len(stored) > 200_000
    assert client.get("/readyz").is_success


def test_recordings_differ_by_their_number() -> None:
    one, other = (Form.make(number) for number in (1, 2))
    assert len(one.body) == len(other.body)
    audio = [form.body.partition(b"WAVE")[2].partition(b"\r\n--")[0] for form in (one, other)]
    assert audio[0][:-2] == audio[1][:-2]
    assert audio[0] != audio[1]
