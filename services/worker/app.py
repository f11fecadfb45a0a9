"""The worker's composition root: one engine, one model, one process."""

import secrets
import socket
import time
from dataclasses import dataclass
from typing import Any

import structlog

from f5_tts_core import limits
from f5_tts_core.engine import Engine, create_engine
from f5_tts_core.errors import ModelError
from f5_tts_core.manifest import resolve_manifest
from services.shared.adapters.celery_queue import create_celery
from services.shared.adapters.queue_turns import QUEUES
from services.shared.adapters.transcribers import create_transcriber
from services.shared.hooks import AudioChain, load_audio_hooks
from services.shared.parts import Parts, connect
from services.shared.settings import Settings
from services.worker.announcing import Announcer
from services.worker.process import create_process
from services.worker.references import ReferenceReader
from services.worker.stopping import StopLight
from services.worker.synthesis import SynthesisRunner
from services.worker.tasks import register_synthesis
from services.worker.ticker import Ticker

logger = structlog.get_logger(__name__)


@dataclass
class WorkerApp:
    """Everything the process holds. The engine is not loaded yet."""

    parts: Parts
    engine: Engine
    references: ReferenceReader
    hooks: AudioChain
    light: StopLight
    #: Unlike any other worker's, also one that had our host name and process id before.
    worker: str

    def run(self) -> int:
        """Load the model, then take jobs until told to stop; the process's exit status.

        Raises `ModelError` where the model cannot be loaded.
        """
        settings = self.parts.settings
        self.engine.load()
        info = self.hooks.mark(self.engine.describe())
        logger.info("engine_loaded", engine=info.engine, model=info.model, device=info.device, worker=self.worker)
        announcer = Announcer(self.parts, self.worker, info, self.light)
        celery = create_celery(settings)
        register_synthesis(celery, self._runner())

        def on_ready(_consumer: Any) -> None:
            announcer.tell()
            logger.info("worker_ready", worker=self.worker)

        process = create_process(
            celery,
            queues=[*QUEUES.values()],
            threads=settings.max_concurrency,
            light=self.light,
            on_ready=on_ready,
        )
        with Ticker("announcer", settings.heartbeat_seconds, announcer.tell):
            process.start()
        announcer.withdraw()
        return int(process.exitcode or 0)

    def close(self) -> None:
        self.engine.close()
        self.parts.close()
        logger.info("worker_stopped", worker=self.worker)

    def _runner(self) -> SynthesisRunner:
        return SynthesisRunner(
            self.parts,
            self.engine,
            self.references,
            self.hooks,
            worker=self.worker,
            stopping=self.light.is_red,
        )


def create_app(settings: Settings) -> WorkerApp:
    """Raises `UnknownEngine`, and `SettingsError` where a transcriber or hook asked for is not installed."""
    references = ReferenceReader(
        create_transcriber(settings), max_seconds=_reference_seconds(settings), target_rms=settings.target_rms
    )
    return WorkerApp(
        parts=connect(settings),
        engine=create_engine(settings.engine, settings.engine_config()),
        references=references,
        hooks=load_audio_hooks(settings),
        light=StopLight(settings.stop_grace_seconds, time.monotonic),
        worker=f"{socket.gethostname()}-{secrets.token_hex(4)}",
    )


def _reference_seconds(settings: Settings) -> float:
    """What the model takes of a reference. An engine with models of its own is given what F5-TTS takes."""
    try:
        return resolve_manifest(settings.engine_config()).reference_seconds
    except ModelError:
        return limits.DEFAULT_REFERENCE_SECONDS
