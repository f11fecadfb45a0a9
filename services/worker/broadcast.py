"""Letting others hear a job's speech while it is spoken."""

from collections.abc import Iterator
from itertools import count
from typing import Final

import structlog

from f5_tts_core import limits
from f5_tts_core.audio import encode
from f5_tts_core.types import Waveform
from services.shared.errors import Unavailable
from services.shared.job import Job
from services.shared.ports import AudioChannel, AudioPiece

logger = structlog.get_logger(__name__)

#: Of one piece: a second of 16-bit samples.
_BYTES: Final = 2 * limits.SAMPLE_RATE


class Broadcast:
    """One attempt's. A channel that is away silences it for good and costs the job nothing: its audio is stored."""

    def __init__(self, channel: AudioChannel, job: Job) -> None:
        self._channel = channel
        self._job = job
        self._numbers = count(1)
        self._silent = not job.input.stream

    def send(self, speech: Waveform) -> None:
        """Speech at `limits.SAMPLE_RATE`. Raises `NotFiniteOutput`."""
        if not self._silent:
            self._put(encode(speech, "pcm"))

    def end(self) -> None:
        """All was sent."""
        if not self._silent:
            self._put(b"")

    def _put(self, samples: bytes) -> None:
        pieces = [AudioPiece(next(self._numbers), part) for part in _parts(samples)]
        try:
            self._channel.send(self._job.id, self._job.attempt, pieces)
        except Unavailable:
            self._silent = True
            logger.warning("broadcast_broke_off", piece=pieces[0].number)


def _parts(samples: bytes) -> Iterator[bytes]:
    return (samples[start : start + _BYTES] for start in range(0, max(len(samples), 1), _BYTES))
