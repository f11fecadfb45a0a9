"""What operators see of real processes after ten jobs, some of which went well."""

import json
import os
import re
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from services.shared.job import JobStatus
from services.shared.servers import LOOPBACK
from services.shared.signing import new_secret
from services.shared.telemetry.metric import PROCESSES, Metric
from services.shared.telemetry.metrics import METRICS
from services.shared.testing import make_job
from tests.chart.monitoring import ALERTS, Object, dashboards, expressions, rules
from tests.collector import Collector, collecting, tree
from tests.figures import families
from tests.prometheus import Prometheus, running_prometheus
from tests.receiver import Receiver, receiving
from tests.stack import REFERENCE, Stack, running_stack

FAKES = Path(__file__).parents[1] / "fakes"
TEXT = "A most private sentence."
REQUEST = "the-one-that-is-followed"
#: A client that traces by itself.
TRACE, CALLER = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
SWEPT_TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
SERVICES = {f"timbre-{process}" for process in PROCESSES}
FOLLOWED = {"X-Request-ID": REQUEST, "traceparent": f"00-{TRACE}-{CALLER}-01"}
SETTINGS = {
    **{"webhook_secret": new_secret(), "outbound_allowed_hosts": LOOPBACK, "sweep_seconds": 0.3},
    **{"api_metrics_port": 0, "worker_metrics_port": 0, "control_metrics_port": 0},
    "storage_retry_seconds": 0,
    # Spans leave soon.
    "otel_bsp_schedule_delay": 100,
    # NVIDIA's driver is a fake one.
    "pythonpath": os.pathsep.join([str(FAKES), os.environ.get("PYTHONPATH", "")]),
}


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    with collecting() as collector:
        yield collector


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory, receiver: Receiver, collector: Collector) -> Iterator[Stack]:
    """A stack after ten jobs, whose object store is away by now."""
    settings = {**SETTINGS, "otel_exporter_otlp_endpoint": collector.url}
    with running_stack(tmp_path_factory.mktemp("stack"), **settings) as stack:
        stack.control()
        stack.worker()
        with httpx.Client(base_url=stack.api(), timeout=30) as client:
            _run_ten_jobs(stack, client, f"{receiver.url}/hooks")
            stack.until(lambda: receiver.received)
            _lose_the_object_store(stack, client)
        yield stack


def _run_ten_jobs(stack: Stack, client: httpx.Client, hook: str) -> None:
    jobs = [_speak(client, FOLLOWED, webhook_url=hook), _speak(client, stream="true")]
    jobs += [_speak(client, text=f"{TEXT} {number}.") for number in range(4)]
    for _ in range(2):  # The second has the audio of the first.
        jobs.append(_speak(client, seed="7"))
        stack.until_over(jobs[-1])
    jobs.append(stack.submit(reference=b"no audio").id)
    # Whoever takes a job sends the next one too: the sweeper does it only once there is nobody left.
    for job in jobs:
        stack.until_over(job)
    jobs.append(stack.submit(sent=False, traceparent=f"00-{SWEPT_TRACE}-{CALLER}-01").id)
    ended = [stack.until_over(job).status for job in jobs]
    assert ended.count(JobStatus.SUCCEEDED) == 9, stack.logs()


def _speak(client: httpx.Client, headers: dict[str, str] | None = None, **fields: str) -> str:
    data = {"text": TEXT, "ref_text": "What was said in private.", "nfe_step": "5", **fields}
    files = {"voice": ("private.wav", REFERENCE, "audio/wav")}
    answer = client.post("/tts", data=data, files=files, headers=headers)
    assert answer.status_code == 202, answer.text
    return str(answer.json()["job_id"])


def _lose_the_object_store(stack: Stack, client: httpx.Client) -> None:
    # Stored only once there is no store: whoever took it before would end it.
    stack.s3.kill()
    assert client.get("/readyz").status_code == 503
    job = make_job(created_at=time.time())
    stack.parts.jobs.add(job)
    stack.parts.queue.send(job.id)
    stack.until(lambda: stack.job(job.id).setbacks)


@pytest.fixture(scope="module")
def prometheus(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """One that has asked every process twice, so that rates can be told, and has judged every rule."""
    targets = [urlsplit(stack.figures_url(process)).netloc for process in PROCESSES]
    with running_prometheus(tmp_path_factory.mktemp("prometheus"), targets, ALERTS) as prometheus:
        stack.until(lambda: _asked_twice(prometheus) == len(targets), seconds=60)
        stack.until(lambda: {rule["health"] for rule in prometheus.rules()} <= {"ok", "err"}, seconds=60)
        yield prometheus


def _asked_twice(prometheus: Prometheus) -> int:
    return len(prometheus.query("sum_over_time(up[5m]) > 1"))


@pytest.fixture(scope="module")
def shown(stack: Stack) -> dict[str, set[str]]:
    """The names that each process shows a value of."""
    return {process: families(httpx.get(f"{stack.figures_url(process)}/metrics").text) for process in PROCESSES}


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_every_metric_has_a_value(shown: dict[str, set[str]], metric: Metric) -> None:
    assert any(metric.name in shown[process] for process in metric.shown_by)


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_prometheus_has_a_value_of_every_metric(prometheus: Prometheus, metric: Metric) -> None:
    series = f"{metric.name}_count" if metric.kind == "histogram" else metric.name
    samples = prometheus.query(series)
    assert samples
    assert all(float(sample["value"][1]) >= 0 for sample in samples)
    named = {"__name__", "instance", "job", *metric.labels}
    # Jobs that wait for whichever model have an empty one, which to Prometheus is none.
    assert all(named - {"model"} <= sample["metric"].keys() <= named for sample in samples)


def test_prometheus_judges_every_rule(prometheus: Prometheus) -> None:
    assert {rule["name"]: rule.get("lastError") for rule in prometheus.rules()} == {
        rule.get("alert") or rule["record"]: None for rule in rules()
    }


@pytest.mark.parametrize("dashboard", dashboards().values(), ids=list(dashboards()))
def test_every_panel_has_something_to_draw(prometheus: Prometheus, dashboard: Object) -> None:
    for expression in expressions(dashboard):
        assert prometheus.query(_chosen(expression)), expression


def _chosen(expression: str) -> str:
    """With what Grafana puts in the variables' place where nothing is chosen."""
    for variable, value in {"__rate_interval": "5m", "__range": "1h"}.items():
        expression = expression.replace(f"${variable}", value)
    return re.sub(r"\$\w+", ".*", expression)


@pytest.mark.parametrize("process", PROCESSES)
def test_no_process_shows_what_the_documentation_does_not_name(shown: dict[str, set[str]], process: str) -> None:
    documented = {metric.name for metric in METRICS if process in metric.shown_by}
    assert {name for name in shown[process] if name.startswith("tts_")} <= documented
    assert "process_resident_memory_bytes" in shown[process]


def test_a_worker_and_control_can_be_probed(stack: Stack) -> None:
    for process in ("worker", "control"):
        url = stack.figures_url(process)
        assert httpx.get(f"{url}/healthz").status_code == 200
        assert httpx.get(f"{url}/readyz").status_code == 200


# --- logs -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("process", PROCESSES)
def test_every_line_is_json_and_none_holds_what_a_client_said(stack: Stack, process: str) -> None:
    log = stack.find(process).log.read_text()
    assert [line for line in log.splitlines() if not line.startswith("{")] == []
    assert "private" not in log


def test_a_request_is_followed_through_all_processes_by_its_id(stack: Stack) -> None:
    followed = {process: _events(stack, process) for process in PROCESSES}
    assert {"request"} <= followed["api"]
    assert {"attempt_started", "job_ended"} <= followed["worker"]
    assert {"webhook_tried"} <= followed["control"]


def _events(stack: Stack, process: str) -> set[str]:
    """What the process said about the one request that is followed."""
    lines = [json.loads(line) for line in stack.find(process).log.read_text().splitlines()]
    return {line["event"] for line in lines if line.get("request_id") == REQUEST and line.get("job_id")}


# --- traces -----------------------------------------------------------------------------------------


def test_a_trace_shows_a_job_from_its_client_to_its_receiver(stack: Stack, collector: Collector) -> None:
    stack.until(lambda: {span.service for span in collector.trace(TRACE)} >= SERVICES)
    stack.until(lambda: "attempt" in {span.name for span in collector.trace(TRACE)})
    spans = collector.trace(TRACE)
    assert tree(spans) == {
        "timbre-api: POST /tts": {"upload", "attempt", "webhook"},
        "timbre-api: upload": set(),
        "timbre-worker: attempt": {"download", "synthesis", "upload"},
        "timbre-worker: download": set(),
        "timbre-worker: synthesis": {"queue", "reference", "solver", "vocoder"},
        **{f"timbre-worker: {stage}": set() for stage in ("queue", "reference", "solver", "vocoder", "upload")},
        "timbre-control: webhook": set(),
    }
    assert {span.parent_id for span in spans if span.name == "POST /tts"} == {CALLER}


def test_spans_say_how_much_there_was_to_do(stack: Stack, collector: Collector) -> None:
    spans = {span.name: span for span in collector.trace(TRACE)}
    assert spans["synthesis"].attributes["timbre.nfe_step"] == 5
    assert spans["synthesis"].attributes["timbre.characters"] == len(TEXT)
    assert spans["attempt"].attributes["timbre.status"] == "succeeded"
    assert spans["webhook"].attributes["timbre.outcome"] == "2xx"
    within = [spans[stage] for stage in ("queue", "reference", "solver", "vocoder")]
    assert [stage.ended for stage in within[:-1]] == pytest.approx([stage.started for stage in within[1:]], abs=1e-3)


def test_a_job_without_a_message_keeps_its_trace(stack: Stack, collector: Collector) -> None:
    """The sweeper sends it again, from the record alone."""
    stack.until(lambda: "attempt" in {span.name for span in collector.trace(SWEPT_TRACE)})
    spans = {span.name: span for span in collector.trace(SWEPT_TRACE)}
    assert spans["attempt"].parent_id == CALLER
    assert spans["solver"].service == "timbre-worker"


def test_no_span_holds_what_a_client_said(stack: Stack, collector: Collector) -> None:
    assert b"private" not in b"".join(collector.bodies)


def test_logs_and_traces_find_each_other(stack: Stack) -> None:
    for process in PROCESSES:
        lines = [json.loads(line) for line in stack.find(process).log.read_text().splitlines()]
        assert TRACE in {line.get("trace_id") for line in lines if line.get("request_id") == REQUEST}
