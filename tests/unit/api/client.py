"""The API on parts in memory, spoken to over ASGI: no socket, no thread of its own, no real time."""

import hashlib
from collections.abc import Callable
from typing import Any

import anyio
import httpx

from f5_tts_core.testing import speech_like, wav_bytes
from services.api.app import create_app
from services.shared.api_key import ApiKey
from services.shared.job import Job, JobOutput, claim, output_key, succeed
from services.shared.parts import Parts
from services.shared.ports import AudioPiece
from services.shared.scopes import NEW_KEY
from services.shared.testing import make_job

REFERENCE = wav_bytes(speech_like(2.5))
REFERENCE_TEXT = "This is what the voice says."
ALICE, BOB = "alice-key", "bob-key"
#: Samples, as workers send them.
SECOND = bytes(range(250)) * 192
KEYS = {name: hashlib.sha256(key.encode()).hexdigest() for name, key in (("alice", ALICE), ("bob", BOB))}


class Client:
    """A synchronous client of one application."""

    def __init__(self, parts: Parts, **options: Any) -> None:
        self.parts = parts
        self.app = create_app(parts, cancel_wait_seconds=0.0, **options)

    def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        async def send() -> httpx.Response:
            transport = httpx.ASGITransport(self.app)
            async with httpx.AsyncClient(transport=transport, base_url="http://timbre.test") as client:
                return await client.request(method, path, **options)

        return anyio.run(send)

    def get(self, path: str, **options: Any) -> httpx.Response:
        return self.request("GET", path, **options)

    def post(self, path: str, **options: Any) -> httpx.Response:
        return self.request("POST", path, **options)

    def delete(self, path: str, **options: Any) -> httpx.Response:
        return self.request("DELETE", path, **options)

    def raw(self, path: str, headers: dict[str, str], messages: list[dict[str, Any]]) -> dict[str, Any]:
        """`POST` whose body arrives as these ASGI messages and then no further. Status None: nothing was answered."""
        answer: dict[str, Any] = {"status": None}
        pending = list(messages)
        scope = {"type": "http", "method": "POST", "path": path, "raw_path": path.encode(), "query_string": b""}
        scope |= {"headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()]}

        async def receive() -> dict[str, Any]:
            if not pending:
                await anyio.sleep_forever()
            return pending.pop(0)

        async def send(message: dict[str, Any]) -> None:
            answer["status"] = answer["status"] or message.get("status")

        anyio.run(self.app, scope, receive, send)
        return answer

    def speak(
        self, *, voice: bytes | None = None, headers: dict[str, str] | None = None, **fields: str
    ) -> httpx.Response:
        """`POST /tts` with what a well-behaved client sends, but for what is given."""
        data = {"text": "Hello there.", "ref_text": REFERENCE_TEXT, **fields}
        files = {"voice": ("voice.wav", REFERENCE if voice is None else voice, "audio/wav")}
        return self.post("/tts", data=data, files=files, headers=headers)


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def store_key(parts: Parts, owner: str, *scopes: str, **fields: Any) -> str:
    """A key in the store; its tenant has it from here."""
    secret, key = ApiKey.draw(owner, parts.clock(), scopes=scopes or NEW_KEY, **fields)
    parts.keys.add(key)
    return secret


def add_job(parts: Parts, **fields: Any) -> Job:
    job = make_job(created_at=parts.clock(), **fields)
    parts.jobs.add(job)
    return job


def run_job(parts: Parts, job: Job, audio: bytes = b"RIFF-audio") -> Job:
    """What a worker does with a job, short of speaking it."""
    running = start_job(parts, job)
    key = output_key(job.id, running.attempt, job.input.format)
    parts.blobs.blobs[key] = (audio, "audio/wav")
    output = JobOutput(
        key=key,
        format=job.input.format,
        bytes=len(audio),
        sha256=hashlib.sha256(audio).hexdigest(),
        duration_seconds=1.5,
        sample_rate=24_000,
        seed=7,
        peak_dbfs=-1.9,
        loudness_lufs=-19.7,
    )
    return parts.jobs.replace(running, succeed(running, running.attempt, output, {"total": 0.5}, parts.clock()))


def start_job(parts: Parts, job: Job) -> Job:
    return parts.jobs.replace(job, claim(job, "worker-1", parts.clock(), 10.0))


def say(parts: Parts, job: Job, *samples: bytes, first: int = 1) -> None:
    """What a worker sends. Empty: that is all."""
    attempt = parts.jobs.get(job.id).attempt
    pieces = [AudioPiece(number, one) for number, one in enumerate(samples, first)]
    parts.audio.send(job.id, attempt, pieces)


class Obliging:
    """A job store whose jobs have moved on when they are looked at again: a worker without threads."""

    def __init__(self, parts: Parts, work: Callable[[Parts, Job], object], *, looks: int = 1) -> None:
        self._get = parts.jobs.get
        self._parts = parts
        self._work = work
        self._looks = looks

    def get(self, job_id: str) -> Job:
        self._looks -= 1
        if self._looks == 0:
            self._work(self._parts, self._get(job_id))
        return self._get(job_id)


def obliging(client: Client, work: Callable[[Parts, Job], object], *, looks: int = 1) -> Client:
    client.parts.jobs.get = Obliging(client.parts, work, looks=looks).get
    return client
