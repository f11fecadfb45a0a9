"""What is counted is shown, in bounded memory, and nothing that is read breaks the rest."""

import pytest
from structlog.testing import capture_logs

from services.shared.adapters.prometheus_meter import PrometheusMeter
from services.shared.telemetry import metrics
from services.shared.telemetry.metric import PROCESSES, Figure, Metric
from tests.figures import figure, samples


@pytest.fixture
def meter() -> PrometheusMeter:
    return PrometheusMeter("worker", label_values=2)


def test_counters_add_up_by_their_labels(meter: PrometheusMeter) -> None:
    for status, fault in (("failed", "internal"), ("failed", "internal"), ("canceled", "none")):
        meter.count(metrics.JOBS_ENDED, status=status, fault=fault, model="timbre-tiny")
    assert figure(meter, "tts_jobs_ended_total", status="failed") == 2
    assert figure(meter, "tts_jobs_ended_total") == 3


def test_histograms_have_the_buckets_that_their_metric_names(meter: PrometheusMeter) -> None:
    meter.observe(metrics.REAL_TIME_FACTOR, 0.04, model="timbre-tiny")
    assert figure(meter, "tts_real_time_factor_bucket", le="0.05") == 1
    assert figure(meter, "tts_real_time_factor_bucket", le="0.03") == 0
    assert figure(meter, "tts_real_time_factor_sum") == pytest.approx(0.04)


def test_gauges_go_down_too(meter: PrometheusMeter) -> None:
    meter.count(metrics.RUNNING_JOBS)
    meter.count(metrics.RUNNING_JOBS, -1)
    assert figure(meter, "tts_running_jobs") == 0


def test_what_clients_make_up_costs_no_more_than_was_said(meter: PrometheusMeter) -> None:
    for number in range(100):
        meter.count(metrics.AUDIO_SECONDS, 1.5, tenant=f"tenant-{number}", voice="none", language="en")
    shown = samples(meter.exposition()[0].decode(), "tts_audio_seconds_total")
    assert {labels["tenant"]: value for labels, value in shown} == {"tenant-0": 1.5, "tenant-1": 1.5, "other": 147.0}


def test_with_no_values_to_tell_apart_nobody_is_named() -> None:
    meter = PrometheusMeter("worker", label_values=0)
    meter.count(metrics.AUDIO_SECONDS, 1.5, tenant="alice", voice="v1", language="en")
    assert b"alice" not in meter.exposition()[0]


def test_what_is_read_is_read_when_somebody_looks(meter: PrometheusMeter) -> None:
    depths = iter([3, 4])
    meter.on_scrape(lambda: [Figure(metrics.QUEUE_DEPTH, next(depths), {"priority": "default", "model": ""})])
    assert figure(meter, "tts_queue_depth", priority="default") == 3
    assert figure(meter, "tts_queue_depth", priority="default") == 4


def test_what_cannot_be_read_hides_nothing_else(meter: PrometheusMeter) -> None:
    def away() -> list[Figure]:
        raise OSError("gone")

    meter.on_scrape(away)
    meter.on_scrape(lambda: [Figure(metrics.NFE_STEPS, 16)])
    with capture_logs() as logs:
        assert figure(meter, "tts_nfe_steps_total") == 16
    assert [line["event"] for line in logs] == ["figures_unread"]


def test_totals_are_there_before_anything_happened(meter: PrometheusMeter) -> None:
    """A rate over the first event needs the 0 before it."""
    assert samples(meter.exposition()[0].decode(), "tts_leases_lost_total") == [({}, 0.0)]


@pytest.mark.parametrize("metric", metrics.METRICS, ids=lambda metric: metric.name)
def test_names_are_prometheus_own(metric: Metric) -> None:
    assert metric.name.startswith("tts_")
    assert metric.name.endswith("_total") == (metric.kind == "counter")
    assert (metric.kind == "histogram") == bool(metric.buckets)
    assert metric.name.endswith(("_total", "_seconds", "_bytes", "_ratio", "_factor")) or metric.kind == "gauge"
    assert metric.help.endswith(".")
    assert set(metric.shown_by) <= set(PROCESSES)


def test_no_two_metrics_share_a_name() -> None:
    assert len({metric.name for metric in metrics.METRICS}) == len(metrics.METRICS) >= 30
