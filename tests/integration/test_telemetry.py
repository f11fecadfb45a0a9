"""What operators see of real processes after ten jobs, some of which went well."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from services.shared.job import JobStatus
from services.shared.servers import LOOPBACK
from services.shared.signing import new_secret
from services.shared.telemetry.metric import PROCESSES, Metric
from services.shared.telemetry.metrics import METRICS
from tests.figures import families
from tests.receiver import Receiver, receiving
from tests.stack import REFERENCE, Stack, running_stack

FAKES = Path(__file__).parents[1] / "fakes"
TEXT = "A most private sentence."
REQUEST = "the-one-that-is-followed"
SETTINGS = {
    **{"webhook_secret": new_secret(), "outbound_allowed_hosts": LOOPBACK, "sweep_seconds": 0.3},
    **{"api_metrics_port": 0, "worker_metrics_port": 0, "control_metrics_port": 0},
    "storage_retry_seconds": 0,
    # NVIDIA's driver is a fake one.
    "pythonpath": os.pathsep.join([str(FAKES), os.environ.get("PYTHONPATH", "")]),
}


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory, receiver: Receiver) -> Iterator[Stack]:
    """A stack after ten jobs, whose object store is away by now."""
    with running_stack(tmp_path_factory.mktemp("stack"), **SETTINGS) as stack:
        stack.control()
        stack.worker()
        with httpx.Client(base_url=stack.api(), timeout=30) as client:
            _run_ten_jobs(stack, client, f"{receiver.url}/hooks")
            stack.until(lambda: receiver.received)
            _lose_the_object_store(stack, client)
        yield stack


def _run_ten_jobs(stack: Stack, client: httpx.Client, hook: str) -> None:
    jobs = [_speak(client, {"X-Request-ID": REQUEST}, webhook_url=hook), _speak(client, stream="true")]
    jobs += [_speak(client, text=f"{TEXT} {number}.") for number in range(4)]
    for _ in range(2):  # The second has the audio of the first.
        jobs.append(_speak(client, seed="7"))
        stack.until_over(jobs[-1])
    jobs.append(stack.submit(reference=b"no audio").id)
    jobs.append(stack.submit(sent=False).id)
    ended = [stack.until_over(job).status for job in jobs]
    assert ended.count(JobStatus.SUCCEEDED) == 9, stack.logs()


def _speak(client: httpx.Client, headers: dict[str, str] | None = None, **fields: str) -> str:
    data = {"text": TEXT, "ref_text": "What was said in private.", **fields}
    files = {"voice": ("private.wav", REFERENCE, "audio/wav")}
    answer = client.post("/tts", data=data, files=files, headers=headers)
    assert answer.status_code == 202, answer.text
    return str(answer.json()["job_id"])


def _lose_the_object_store(stack: Stack, client: httpx.Client) -> None:
    job = stack.submit(sent=False)
    stack.s3.kill()
    assert client.get("/readyz").status_code == 503
    stack.parts.queue.send(job.id)
    stack.until(lambda: stack.job(job.id).setbacks)


@pytest.fixture(scope="module")
def shown(stack: Stack) -> dict[str, set[str]]:
    """The names that each process shows a value of."""
    return {process: families(httpx.get(f"{stack.figures_url(process)}/metrics").text) for process in PROCESSES}


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_every_metric_has_a_value(shown: dict[str, set[str]], metric: Metric) -> None:
    assert any(metric.name in shown[process] for process in metric.shown_by)


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
