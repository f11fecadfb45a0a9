"""The API as a process of its own, on a real Valkey and a real S3."""

import hashlib
import io
import json
import re
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import IO, Any

import httpx
import psutil
import pytest

from f5_tts_core.testing import speech_like, wav_bytes
from services.shared.adapters.s3_blobs import connect_s3
from services.shared.job import JobOutput, claim, output_key, succeed
from services.shared.parts import Parts
from services.shared.servers import free_port
from services.shared.settings import Settings
from tests.receiver import answer, receiving
from tests.s3_server import S3Server

MEGABYTE = 1024 * 1024
REFERENCE = wav_bytes(speech_like(2.5))
FIELDS = {"text": "Hello there.", "ref_text": "This is what the voice says."}
FILES = {"voice": ("voice.wav", REFERENCE, "audio/wav")}


@dataclass
class Api:
    """A running API process. It logs to a pipe, so that tests wait for lines and never for time."""

    process: "subprocess.Popen[str]"
    log: IO[str]
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def resident(self) -> float:
        """Megabytes."""
        return float(psutil.Process(self.process.pid).memory_info().rss) / MEGABYTE

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=20)

    def wait_for_line(self, **members: object) -> dict[str, Any]:
        """The next log line with these members."""
        for line in self.log:
            said: dict[str, Any] = json.loads(line)
            if said.items() >= members.items():
                return said
        raise AssertionError(f"The process ended before it logged {members}.")


def environment(settings: Settings, **overrides: str) -> dict[str, str]:
    return {
        "REDIS_URL": settings.redis_url.get_secret_value(),
        "S3_ENDPOINT": str(settings.s3_endpoint),
        "S3_ACCESS_KEY": settings.s3_access_key.get_secret_value(),
        "S3_SECRET_KEY": settings.s3_secret_key.get_secret_value(),
        "S3_BUCKET": settings.s3_bucket,
        "API_PORT": "0",
        "TRANSCRIBER": "none",
        "OMP_NUM_THREADS": "1",
        **overrides,
    }


def start(env: dict[str, str]) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "services.api.main"]
    return subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.fixture
def run_api(settings: Settings) -> Iterator[Callable[..., Api]]:
    """Starts the API, with environment variables beside those of the real parts."""
    processes: list[subprocess.Popen[str]] = []

    def run(**overrides: str) -> Api:
        process = start(environment(settings, **overrides))
        processes.append(process)
        assert process.stdout is not None
        for line in process.stdout:
            if address := re.search(r"running on http://127\.0\.0\.1:(\d+)", line):
                return Api(process, process.stdout, int(address[1]))
        raise AssertionError(process.communicate()[1])

    yield run
    for process in processes:
        process.terminate()
        process.communicate(timeout=20)


def finish(parts: Parts, job_id: str, audio: bytes) -> None:
    """What a worker does, short of speaking."""
    queued = parts.jobs.get(job_id)
    running = parts.jobs.replace(queued, claim(queued, "worker-1", parts.clock(), 10.0))
    key = output_key(job_id, running.attempt, "wav")
    parts.blobs.put(key, io.BytesIO(audio), len(audio), "audio/wav")
    output = JobOutput(key, "wav", len(audio), hashlib.sha256(audio).hexdigest(), 1.0, 24_000, 7)
    parts.jobs.replace(running, succeed(running, running.attempt, output, {}, parts.clock()))


def test_a_job_from_submission_to_deletion(run_api: Callable[..., Api], parts: Parts) -> None:
    with httpx.Client(base_url=run_api().url) as client:
        ready = client.get("/readyz")
        assert ready.status_code == 200, ready.text
        submitted = client.post("/tts", data=FIELDS, files=FILES)
        path = submitted.headers["location"]
        job_id = submitted.json()["job_id"]
        assert submitted.status_code == 202
        assert parts.blobs.get(parts.jobs.get(job_id).input.reference_key) == REFERENCE
        assert parts.queue.depth() == 1
        assert client.get(f"{path}/audio").status_code == 409

        finish(parts, job_id, b"RIFF-audio")
        url = client.get(path).json()["result_url"]
        with urllib.request.urlopen(url) as audio:  # noqa: S310 - the object store's own address
            assert audio.read() == b"RIFF-audio"
        assert client.get(f"{path}/audio", follow_redirects=True).content == b"RIFF-audio"
        assert [job["job_id"] for job in client.get("/jobs").json()["jobs"]] == [job_id]

        assert client.delete(path).status_code == 204
        assert client.get(path).status_code == 404
        with pytest.raises(urllib.error.HTTPError, match="404"):
            urllib.request.urlopen(url)  # noqa: S310


def test_a_voice_from_upload_to_deletion(run_api: Callable[..., Api], parts: Parts) -> None:
    voice_files = {"sample": ("voice.wav", REFERENCE), "consent_recording": ("yes.wav", REFERENCE)}
    fields = {"name": "Anna", "ref_text": FIELDS["ref_text"], "consent": "It is my own voice."}
    with httpx.Client(base_url=run_api().url) as client:
        added = client.post("/voices", data=fields, files=voice_files)
        assert added.status_code == 201, added.text
        path, voice_id = added.headers["location"], added.json()["voice_id"]
        for audio in ("sample", "consent"):
            assert client.get(f"{path}/{audio}", follow_redirects=True).content == REFERENCE
        assert client.post("/voices", data=fields | {"name": "anna"}, files=voice_files).status_code == 409
        assert client.patch(path, json={"name": "Bert"}).json()["name"] == "Bert"
        assert [voice["name"] for voice in client.get("/voices", params={"name": "bert"}).json()["voices"]] == ["Bert"]

        job_ids = []
        for _ in range(2):
            spoken = client.post("/tts", files={"text": (None, "Hello."), "voice_id": (None, voice_id)})
            job_ids.append(spoken.json()["job_id"])
        finish(parts, job_ids[0], b"RIFF-audio")
        url = client.get(f"/jobs/{job_ids[0]}").json()["result_url"]
        sample = client.get(f"{path}/sample").headers["location"]
        assert client.delete(path, params={"delete_jobs": "true"}).status_code == 204
        assert {client.get(gone).status_code for gone in (path, *(f"/jobs/{one}" for one in job_ids))} == {404}
        assert {httpx.get(gone).status_code for gone in (url, sample)} == {404}


def test_is_small_and_free_of_torch(run_api: Callable[..., Api], settings: Settings) -> None:
    api = run_api()
    assert api.resident() < 150
    program = "import sys, services.api.main; print([name for name in sys.modules if name.startswith('torch')])"
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
    # Nor later: requests have been served, with the bundled model's vocabulary, and nothing was loaded for them.
    for _ in range(5):
        assert httpx.post(f"{api.url}/tts", data=FIELDS, files=FILES).status_code == 202
    assert not any("torch" in library.path for library in psutil.Process(api.process.pid).memory_maps())
    assert api.resident() < 150


def test_a_declared_giant_is_refused_before_it_is_sent(run_api: Callable[..., Api]) -> None:
    api = run_api()
    with closing(api.connect()) as connection:
        connection.sendall(
            b"POST /tts HTTP/1.1\r\nHost: timbre\r\nContent-Type: multipart/form-data; boundary=x\r\n"
            b"Content-Length: 10000000000\r\nExpect: 100-continue\r\n\r\n"
        )
        assert connection.recv(100).startswith(b"HTTP/1.1 413 ")


def test_an_endless_upload_does_not_grow_memory(run_api: Callable[..., Api]) -> None:
    api = run_api()
    assert httpx.post(f"{api.url}/tts", data=FIELDS, files=FILES).status_code == 202
    before, peak = api.resident(), 0.0

    def body() -> Iterator[bytes]:
        nonlocal peak
        yield b'--x\r\nContent-Disposition: form-data; name="voice"; filename="a.wav"\r\n\r\n'
        for _ in range(200):
            yield bytes(MEGABYTE)
            peak = max(peak, api.resident())

    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    answer = httpx.post(f"{api.url}/tts", content=body(), headers=headers, timeout=60)
    assert (answer.status_code, answer.json()["type"]) == (413, "/problems/payload-too-large")
    assert peak - before < 10


def test_a_client_that_leaves_is_waited_for_no_longer(run_api: Callable[..., Api]) -> None:
    api = run_api(DEFAULT_MODE="sync")
    request = httpx.Request("POST", f"{api.url}/tts", data=FIELDS, files=FILES)
    head = f"POST /tts HTTP/1.1\r\nHost: timbre\r\nContent-Type: {request.headers['content-type']}\r\n"
    body = request.read()
    with closing(api.connect()) as connection:
        connection.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
    line = api.wait_for_line(event="request", path="/tts")
    assert line["status"] == 499
    assert httpx.get(f"{api.url}/jobs/{line['job_id']}").json()["status"] == "queued"


def test_fails_soon_and_clearly_without_its_parts(run_api: Callable[..., Api]) -> None:
    api = run_api(REDIS_URL=f"redis://127.0.0.1:{free_port()}/0")
    assert httpx.get(f"{api.url}/healthz").status_code == 200
    assert httpx.get(f"{api.url}/readyz", timeout=20).status_code == 503
    answer = httpx.post(f"{api.url}/tts", data=FIELDS, files=FILES, timeout=20)
    assert (answer.status_code, answer.json()["type"]) == (503, "/problems/job-store-unavailable")


@pytest.mark.parametrize(
    ("wrong", "expected"),
    [
        ({"API_HOST": "0.0.0.0"}, "API_KEYS"),  # noqa: S104 - which is the point
        ({"API_PORT": "http"}, "API_PORT"),
        ({"S3_ACCESS_KEY": ""}, "S3_ACCESS_KEY"),
    ],
)
def test_refuses_to_start_wrong(settings: Settings, wrong: dict[str, str], expected: str) -> None:
    process = start(environment(settings, **wrong))
    assert expected in process.communicate(timeout=30)[1]
    assert process.returncode == 1


# --- references by URL ------------------------------------------------------------------------------


def _speak_from(api: Api, url: str) -> httpx.Response:
    fields = {**FIELDS, "voice_url": url}
    return httpx.post(f"{api.url}/tts", files={name: (None, value) for name, value in fields.items()}, timeout=20)


def test_a_reference_is_fetched_from_hosts_that_the_operator_lists_alone(
    run_api: Callable[..., Api], parts: Parts
) -> None:
    with receiving() as receiver:
        receiver.answers = [answer(200, REFERENCE)]
        url = f"{receiver.url}/anna.wav"
        refused = _speak_from(run_api(), url)
        assert (refused.status_code, refused.json()["type"]) == (422, "/problems/url-refused")
        assert receiver.received == []
        taken = _speak_from(run_api(OUTBOUND_ALLOWED_HOSTS="127.0.0.0/8"), url)
        assert taken.status_code == 202
    job = parts.jobs.get(taken.json()["job_id"])
    assert parts.blobs.get(job.input.reference_key) == REFERENCE


def test_a_reference_is_read_from_buckets_that_the_operator_lists(run_api: Callable[..., Api], s3: S3Server) -> None:
    client = connect_s3(s3.endpoint, access_key=s3.access_key, secret_key=s3.secret_key, region="us-east-1")
    client.make_bucket("voices")
    client.put_object("voices", "anna.wav", io.BytesIO(REFERENCE), len(REFERENCE))
    api = run_api(VOICE_URL_BUCKETS="voices")
    assert _speak_from(api, "s3://voices/anna.wav").status_code == 202
    assert _speak_from(api, "s3://voices/nobody.wav").json()["type"] == "/problems/url-not-served"


def test_an_endless_voice_does_not_grow_memory(run_api: Callable[..., Api]) -> None:
    with receiving() as receiver:
        receiver.answers = [answer(200, bytes(200 * MEGABYTE))]
        api = run_api(OUTBOUND_ALLOWED_HOSTS="127.0.0.1")
        before = api.resident()
        refused = _speak_from(api, receiver.url)
        assert (refused.status_code, refused.json()["type"]) == (413, "/problems/url-content-too-large")
        assert api.resident() - before < 20
