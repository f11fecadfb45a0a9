"""A real worker process on real servers, with an engine that hums."""

import json
import signal
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

import httpx
import pytest
from websockets.sync.client import ClientConnection, connect

from services.shared.job import JobStatus, output_key, request_cancel
from tests.stack import REFERENCE, running_stack
from tests.uploads import UPLOADS


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    with running_stack(
        tmp_path_factory.mktemp("stack"), max_concurrency=2, lease_seconds=2, heartbeat_seconds=0.5, sweep_seconds=0.3
    ) as stack:
        stack.control()
        stack.worker(step_seconds=0.01)
        yield stack


@pytest.fixture(scope="module")
def url(stack):
    return stack.api()


def test_a_job_runs_end_to_end(stack):
    job = stack.until_over(stack.submit().id)
    stack.assert_succeeded_once(job)
    assert job.output.key == output_key(job.id, 1, "wav")
    assert stack.parts.blobs.get(job.output.key).startswith(b"RIFF")
    assert job.metrics["synthesis_seconds"] >= 0.07


def test_the_worker_says_that_it_is_ready_and_what_it_runs(stack):
    ready = stack.parts.workers.ready()
    assert [beat.info["engine"] for beat in ready] == ["tone"]


def test_jobs_run_beside_each_other_and_one_after_the_other_without_pause(stack):
    jobs = [stack.submit(nfe_step=10) for _ in range(8)]
    done = [stack.until_over(job.id) for job in jobs]
    for job in done:
        stack.assert_succeeded_once(job)
    took = max(job.completed_at for job in done) - min(job.started_at for job in done)
    # Four rounds of about 0.15 s; a second of idling after each would show.
    assert took < 2.5, f"8 jobs took {took:.1f} s"


def test_progress_arrives_as_it_is_made(stack, url):
    """From the engine's steps to a client's line: over Valkey, the API's process, and both kinds of stream."""
    job = stack.submit(nfe_step=64)
    with httpx.stream("GET", f"{url}/jobs/{job.id}/events", timeout=30) as stream:
        data = (line.removeprefix("data: ") for line in stream.iter_lines() if line.startswith("data: "))
        said = [(json.loads(line), stack.job(job.id).status) for line in data]
    seen = [event["progress"] for event, _ in said]
    assert seen == sorted(seen)
    # While the job ran, not all at once in the end. How many, depends on how busy the machine is.
    assert len([status for event, status in said if 0 < event["progress"] < 1 and status is JobStatus.PROCESSING]) >= 3
    end = said[-1][0]
    assert (end["status"], httpx.get(end["result_url"]).content[:4]) == ("succeeded", b"RIFF")

    job = stack.submit(nfe_step=64)
    with connect(f"{url.replace('http', 'ws', 1)}/jobs/{job.id}/ws") as socket:
        messages = [json.loads(message) for message in socket]
    assert socket.close_code == 1000
    assert [message["event"] for message in messages].count("progress") >= 3
    assert messages[-1]["data"]["status"] == "succeeded"


def speak(url: str, nfe_step: int) -> "AbstractContextManager[httpx.Response]":
    data = {"text": "Good morning to all of you.", "ref_text": "What the reference says.", "format": "pcm"}
    files = {"voice": ("voice.wav", REFERENCE, "audio/wav")}
    return httpx.stream("POST", f"{url}/tts/stream", data=data | {"nfe_step": str(nfe_step)}, files=files, timeout=30)


def test_speech_is_heard_while_it_is_spoken(stack, url):
    """From the engine's first step to a client: over Valkey and the API's process. All of it is what is stored."""
    with speak(url, nfe_step=64) as answer:
        assert (answer.status_code, answer.headers["content-type"]) == (200, "audio/pcm")
        pieces = answer.iter_bytes()
        first = next(pieces)
        job_id = answer.headers["x-job-id"]
        assert stack.job(job_id).status is JobStatus.PROCESSING
        heard = first + b"".join(pieces)
    job = stack.until_over(job_id)
    stack.assert_succeeded_once(job)
    assert heard == stack.parts.blobs.get(job.output.key)
    assert httpx.get(f"{url}/jobs/{job_id}/stream").content == heard


def test_a_listener_that_leaves_stops_the_work(stack, url):
    with speak(url, nfe_step=64) as answer:
        next(answer.iter_bytes())
    job = stack.until_over(answer.headers["x-job-id"])
    assert job.status is JobStatus.CANCELED


@contextmanager
def live(url: str, nfe_step: int) -> "Iterator[ClientConnection]":
    """A session whose first sentence is being spoken."""
    with connect(f"{url.replace('http', 'ws', 1)}/tts/live") as socket:
        socket.send(json.dumps({"voice_id": "sample", "format": "pcm", "nfe_step": nfe_step}))
        socket.send("The first sentence is whole. The sec")
        assert json.loads(socket.recv(30))["event"] == "started"
        yield socket


def test_a_text_is_heard_while_it_is_written(stack, url):
    """From half a text to a client: through the queue, the worker and the API's process, in the text's order."""
    with live(url, nfe_step=64) as socket:
        first = json.loads(socket.recv(30))
        heard = socket.recv(30)
        assert (first["event"], first["text"]) == ("chunk", "The first sentence is whole.")
        assert stack.job(first["job_id"]).status is JobStatus.PROCESSING
        socket.send("ond one is. The third")
        socket.send(json.dumps({"text": " one too.", "end": True}))
        said = list(socket)
    events = [json.loads(message) for message in said if isinstance(message, str)]
    heard += b"".join(message for message in said if isinstance(message, bytes))
    assert socket.close_code == 1000
    assert [event["event"] for event in events] == ["chunk"] * (len(events) - 1) + ["done"]
    assert " ".join([first["text"], *(event["text"] for event in events[:-1])]).endswith(
        "second one is. The third one too."
    )
    jobs = [stack.until_over(job_id) for job_id in events[-1]["job_ids"]]
    for job in jobs:
        stack.assert_succeeded_once(job)
    assert heard == b"".join(stack.parts.blobs.get(job.output.key) for job in jobs)


def test_a_writer_that_leaves_stops_the_work(stack, url):
    with live(url, nfe_step=64) as socket:
        job_id = json.loads(socket.recv(30))["job_id"]
    assert stack.until_over(job_id).status is JobStatus.CANCELED


def test_finished_jobs_tell_how_long_the_next_will_take(stack):
    before = stack.until_over(stack.submit(nfe_step=32).id)
    assert stack.parts.pace.pace().seconds == pytest.approx(before.metrics["total_seconds"], abs=2.0)
    assert [beat.slots for beat in stack.parts.workers.ready()] == [2]


def test_a_cancel_reaches_a_working_engine_within_two_steps(stack):
    job = stack.submit(nfe_step=64)
    running = stack.until_working(job.id)
    stack.parts.jobs.replace(running, request_cancel(running, running.created_at))
    seen = stack.job(job.id).progress
    over = stack.until_over(job.id)
    assert over.status is JobStatus.CANCELED
    # Between the write and our reading of the progress lies a moment of ours, not of the worker's.
    assert over.progress <= seen + 3 / 64


def test_a_job_that_was_written_but_never_sent_is_found(stack):
    job = stack.submit(sent=False)
    stack.assert_succeeded_once(stack.until_over(job.id))


def test_no_upload_hurts_the_worker_should_one_get_past_the_api(stack):
    jobs = {upload: stack.submit(reference=upload.make(), ref_text="What was said in here.") for upload in UPLOADS}
    for upload, job in jobs.items():
        over = stack.until_over(job.id)
        fault = over.fault.type if over.fault else None
        assert (upload.name, fault) == (upload.name, upload.expected.type if upload.expected else None)
        assert over.attempt == 1


def test_a_stopped_worker_is_no_longer_ready_and_leaves_cleanly(stack):
    worker = stack.worker()
    assert len(stack.parts.workers.ready()) == 2
    worker.send(signal.SIGTERM)
    assert worker.wait(10) == 0
    assert len(stack.parts.workers.ready()) == 1
    assert worker.events("worker_stopped")


def test_nothing_a_client_said_stands_in_the_logs(stack):
    job = stack.submit(text="A most private sentence.", ref_text="Something private, said once.")
    stack.until_over(job.id)
    assert "private" not in stack.logs()
