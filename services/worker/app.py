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
from f5_tts_core.manifest import Manifest, resolve_manifest
from services.shared.adapters.celery_queue import create_celery
from services.shared.adapters.queue_turns import queue_of
from services.shared.adapters.transcribers import create_transcriber
from services.shared.hooks import AudioChain, load_audio_hooks
from services.shared.parts import Parts, connect
from services.shared.settings import Settings
from services.shared.telemetry.endpoint import shown
from services.shared.telemetry.instrumented import instrumented
from services.worker.announcing import Announcer
from services.worker.figures import show_worker
from services.worker.process import create_process
from services.worker.references import ReferenceReader
from services.worker.stopping import StopLight
from services.worker.synthesis import SynthesisRunner
from services.worker.tasks import register_synthesis
from services.worker.ticker import Ticker
from services.worker.traced import traced_engine, traced_transcriber

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
    #: Whether messages may come.
    taking: bool = False

    @property
    def queues(self) -> list[str]:
        """Those of the lanes whose jobs this worker takes."""
        return [queue_of(lane) for lane in self.parts.settings.taken_lanes]

    def run(self) -> int:
        """Load the model, then take jobs until told to stop; the process's exit status.

        Raises `ModelError` where the model cannot be loaded, `SettingsError` where its port cannot be had.
        """
        with shown("worker", self.parts.settings, self.parts.meter, self._is_ready):
            self.engine.load()
            show_worker(self.parts, self.engine)
            return self._take_jobs()

    def _take_jobs(self) -> int:
        settings = self.parts.settings
        info = self.hooks.mark(self.engine.describe())
        logger.info("engine_loaded", engine=info.engine, model=info.model, device=info.device, worker=self.worker)
        announcer = Announcer(self.parts, self.worker, info, self.light)
        celery = create_celery(settings)
        runner = self._runner()
        register_synthesis(celery, runner, self.parts.tracer)

        def on_ready(_consumer: Any) -> None:
            self.taking = True
            announcer.tell()
            logger.info("worker_ready", worker=self.worker)

        process = create_process(
            celery,
            queues=self.queues,
            threads=settings.max_concurrency,
            light=self.light,
            on_ready=on_ready,
        )
        with (
            Ticker("announcer", settings.heartbeat_seconds, announcer.tell),
            Ticker("leases", settings.heartbeat_seconds, runner.beat),
        ):
            process.start()
        announcer.withdraw()
        return int(process.exitcode or 0)

    def _is_ready(self) -> bool:
        return self.taking and self.light.is_green()

    def close(self) -> None:
        self.engine.close()
        self.parts.close()
        logger.info("worker_stopped", worker=self.worker)

    def _runner(self) -> SynthesisRunner:
        return SynthesisRunner(
            self.parts,
            traced_engine(self.engine, self.parts),
            self.references,
            self.hooks,
            worker=self.worker,
            stopping=self.light.is_red,
        )


def create_app(settings: Settings) -> WorkerApp:
    """Raises `UnknownEngine`, and `SettingsError` where a transcriber or hook asked for is not installed."""
    manifest = _manifest(settings)
    # An engine with models of its own is given what F5-TTS takes.
    seconds = manifest.reference_seconds if manifest else limits.DEFAULT_REFERENCE_SECONDS
    parts = instrumented("worker", connect(settings), language=_only_language(manifest))
    transcriber = traced_transcriber(create_transcriber(settings), parts.tracer)
    return WorkerApp(
        parts=parts,
        engine=create_engine(settings.engine, settings.engine_config()),
        references=ReferenceReader(transcriber, max_seconds=seconds, target_rms=settings.target_rms),
        hooks=load_audio_hooks(settings),
        light=StopLight(settings.stop_grace_seconds, time.monotonic),
        worker=f"{socket.gethostname()}-{secrets.token_hex(4)}",
    )


def _manifest(settings: Settings) -> Manifest | None:
    """What is known of the model; None of one that is not there, or an engine's own."""
    try:
        return resolve_manifest(settings.engine_config())
    except ModelError:
        return None


def _only_language(manifest: Manifest | None) -> str | None:
    """What the model speaks, where that is one language."""
    return manifest.languages[0] if manifest and len(manifest.languages) == 1 else None
