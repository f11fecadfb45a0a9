"""`AudioChannel` in memory."""

import threading
from collections.abc import Callable, Sequence

from services.shared.errors import JobStoreUnavailable
from services.shared.news import READ_AGAIN, JobNews
from services.shared.ports import AudioPiece, Clock


class MemoryAudioChannel:
    """`AudioChannel` in a dict; who watches the memory store hears of pieces too."""

    def __init__(
        self,
        clock: Clock,
        watchers: list[Callable[[str, JobNews], None]],
        *,
        kept: int = 1_000,
        ttl_seconds: int = 300,
    ) -> None:
        self.down = False
        self._clock = clock
        self._watchers = watchers
        self._kept = kept
        self._ttl = ttl_seconds
        self._pieces: dict[tuple[str, int], tuple[list[AudioPiece], float]] = {}
        self._lock = threading.Lock()

    def send(self, job_id: str, attempt: int, pieces: Sequence[AudioPiece]) -> None:
        self._answer()
        with self._lock:
            held = self._held(job_id, attempt)
            last = held[-1].number if held else 0
            held = [*held, *(piece for piece in pieces if piece.number > last)][-self._kept :]
            self._pieces[job_id, attempt] = (held, self._clock() + self._ttl)
        for watcher in self._watchers:
            watcher(job_id, READ_AGAIN)

    def read(self, job_id: str, attempt: int, *, after: int, limit: int) -> Sequence[AudioPiece]:
        self._answer()
        with self._lock:
            return [piece for piece in self._held(job_id, attempt) if piece.number > after][:limit]

    def drop(self, job_id: str, attempts: int) -> None:
        self._answer()
        with self._lock:
            for attempt in range(1, attempts + 1):
                self._pieces.pop((job_id, attempt), None)

    def _held(self, job_id: str, attempt: int) -> list[AudioPiece]:
        pieces, gone_at = self._pieces.get((job_id, attempt), ([], 0.0))
        return pieces if gone_at > self._clock() else []

    def _answer(self) -> None:
        if self.down:
            raise JobStoreUnavailable("The job store does not answer.")
