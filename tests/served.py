"""A served API on parts in memory, with a worker behind it that hums."""

import queue
import socket
import threading
from typing import Any

import httpx
import uvicorn
from starlette.requests import Request
from starlette.responses import Response

from f5_tts_core.engine import EngineConfig
from f5_tts_core.testing import ToneEngine
from services.api.app import create_app
from services.shared.hooks import AudioChain
from services.shared.lane import USUAL, Lane
from services.shared.parts import Parts
from services.shared.servers import wait_until_answers
from services.shared.testing import MemoryBlobStore, MemoryJobQueue, memory_parts
from services.worker.references import ReferenceReader
from services.worker.synthesis import SynthesisRunner

#: Where the store in memory says that its links lead, and where they lead here.
MEMORY_STORE = "http://blobs.test"
BLOBS = "/blobs"


class Handing(MemoryJobQueue):
    """A queue whose messages a thread can wait for."""

    def __init__(self) -> None:
        super().__init__()
        self.handed: queue.SimpleQueue[str | None] = queue.SimpleQueue()

    def send(self, job_id: str, lane: Lane = USUAL, *, traceparent: str | None = None) -> None:
        super().send(job_id, lane, traceparent=traceparent)
        self.handed.put(job_id)


class ReachableBlobStore(MemoryBlobStore):
    """A store whose signed links lead to `url`, where `answer` serves them."""

    url = ""

    def sign(self, key: str, *, expires_seconds: int, filename: str) -> str:
        signed = super().sign(key, expires_seconds=expires_seconds, filename=filename)
        return signed.replace(MEMORY_STORE, self.url)

    def answer(self, request: Request) -> Response:
        path = request.url.path.removeprefix(BLOBS)
        return Response(self.fetch(f"{MEMORY_STORE}{path}?{request.url.query}"))


class Served:
    """An API with these settings, and a worker beside it, which rests while `working` is clear."""

    def __init__(self, **settings: Any) -> None:
        self._inbox = Handing()
        parts = memory_parts(**settings)
        blobs = ReachableBlobStore(parts.clock)
        self.parts = Parts(**{**vars(parts), "queue": self._inbox, "blobs": blobs})
        app = create_app(self.parts)
        app.add_route(f"{BLOBS}/{{key:path}}", blobs.answer)
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="on"))
        self._threads = [
            threading.Thread(target=self._server.run, kwargs={"sockets": [self._socket]}, daemon=True),
            threading.Thread(target=self._work, daemon=True),
        ]
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        blobs.url = f"{self.url}{BLOBS}"
        self.working = threading.Event()
        self.working.set()

    def start(self) -> "Served":
        for thread in self._threads:
            thread.start()
        wait_until_answers(lambda: httpx.get(f"{self.url}/healthz").raise_for_status())
        return self

    def close(self) -> None:
        self.working.set()
        self._server.should_exit = True
        self._inbox.handed.put(None)
        for thread in self._threads:
            thread.join(20)
        self._socket.close()

    def _work(self) -> None:
        engine = ToneEngine(EngineConfig())
        engine.load()
        references = ReferenceReader(None, max_seconds=12.0, target_rms=0.1)
        runner = SynthesisRunner(
            self.parts, engine, references, AudioChain({}), worker="worker-1", stopping=lambda: False
        )
        while (job_id := self._inbox.handed.get()) is not None:
            self.working.wait()
            runner.run(job_id)
