"""The ports in memory, for tests of the services. Held to the same contract suites as the real adapters.

Each part has a switch: `part.down = True` and every call raises its port's `Unavailable` error.
"""

from services.shared.testing.blobs import MemoryBlobStore
from services.shared.testing.clock import START, ManualClock
from services.shared.testing.jobs import MemoryJobStore, make_job
from services.shared.testing.parts import make_settings, memory_parts
from services.shared.testing.queue import MemoryJobQueue
from services.shared.testing.transcription import ScriptedTranscriber
from services.shared.testing.workers import MemoryWorkerRegistry

__all__ = [
    "START",
    "ManualClock",
    "MemoryBlobStore",
    "MemoryJobQueue",
    "MemoryJobStore",
    "MemoryWorkerRegistry",
    "ScriptedTranscriber",
    "make_job",
    "make_settings",
    "memory_parts",
]
