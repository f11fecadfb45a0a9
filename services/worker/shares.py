"""How much is done of a work of many parts, several of which go on at once."""

from threading import Lock

from f5_tts_core.engine import ProgressCallback


class Shares:
    """Tells one share, 0..1, which never falls. Thread-safe."""

    def __init__(self, count: int, tell: ProgressCallback) -> None:
        self._count = count
        self._tell = tell
        self._shares: dict[str, float] = {}
        self._lock = Lock()

    def note(self, part: str, share: float) -> None:
        with self._lock:
            self._shares[part] = max(share, self._shares.get(part, 0.0))
            self._tell(sum(self._shares.values()) / self._count)
