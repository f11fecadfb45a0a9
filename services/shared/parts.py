"""Everything outside a process that its use cases speak to, wired once per process."""

from collections.abc import Callable
from dataclasses import dataclass, field

from services.shared.ports import BlobStore, Clock, JobQueue, JobStore, WorkerRegistry
from services.shared.settings import Settings


@dataclass(frozen=True)
class Parts:
    """Shared by all threads of a process. `close` gives connections back; the parts are of no use after it."""

    settings: Settings
    clock: Clock
    jobs: JobStore
    blobs: BlobStore
    queue: JobQueue
    workers: WorkerRegistry
    closers: tuple[Callable[[], None], ...] = field(default=(), repr=False)

    def close(self) -> None:
        for close in self.closers:
            close()
