"""Telling the rest of the platform that this worker is there and ready."""

from dataclasses import asdict

import structlog

from f5_tts_core.types import EngineInfo
from services.shared.errors import Unavailable
from services.shared.parts import Parts
from services.shared.ports import WorkerBeat
from services.worker.stopping import StopLight

logger = structlog.get_logger(__name__)

#: Missed beats after which a worker counts as gone.
_BEATS_MISSED = 3


class Announcer:
    """Announces while the light is green, and withdraws when it no longer is. No outage stops it."""

    def __init__(self, parts: Parts, worker: str, engine: EngineInfo, light: StopLight) -> None:
        self._registry = parts.workers
        self._beat = WorkerBeat(
            worker,
            asdict(engine) | {"served_model": parts.settings.served_model},
            parts.clock(),
            parts.settings.max_concurrency,
        )
        self._ttl_seconds = parts.settings.heartbeat_seconds * _BEATS_MISSED
        self._light = light

    def tell(self) -> None:
        try:
            if self._light.is_green():
                self._registry.announce(self._beat, self._ttl_seconds)
            else:
                self._registry.withdraw(self._beat.worker)
        except Unavailable:
            logger.warning("announcement_unanswered")

    def withdraw(self) -> None:
        try:
            self._registry.withdraw(self._beat.worker)
        except Unavailable:
            logger.warning("withdrawal_unanswered")  # It lapses on its own.
