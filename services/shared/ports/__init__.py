"""What the services need of the outside world, as small Protocols. One contract suite each, run over every adapter.

All but `JobEvents` are synchronous and thread-safe; async callers run them in a thread pool. Every method may raise
its port's `Unavailable` error.
"""

from services.shared.ports.audio import AudioChannel, AudioPiece
from services.shared.ports.basics import Clock, Sink
from services.shared.ports.batches import BatchPage, BatchStore
from services.shared.ports.blobs import BlobStore, BucketReader, StoredBlob, UploadOffer
from services.shared.ports.idempotency import IdempotencyKeys, KeptKey
from services.shared.ports.jobs import Beat, JobEvents, JobPage, JobStore, Usage
from services.shared.ports.keys import KeyPage, KeyStore, RateLimiter, Window
from services.shared.ports.line import JobLine
from services.shared.ports.outbound import Outbound
from services.shared.ports.queue import JobQueue
from services.shared.ports.results import ResultIndex
from services.shared.ports.scanning import UploadScanner
from services.shared.ports.secrets import SecretVersion, SecretVersions
from services.shared.ports.telemetry import Meter, Span, Tracer
from services.shared.ports.transcription import Transcriber, Transcript
from services.shared.ports.voices import VoicePage, VoiceStore
from services.shared.ports.webhooks import HeldDelivery, WebhookStore
from services.shared.ports.workers import Pace, PaceKeeper, WorkerBeat, WorkerRegistry

__all__ = [
    "AudioChannel",
    "AudioPiece",
    "BatchPage",
    "BatchStore",
    "Beat",
    "BlobStore",
    "BucketReader",
    "Clock",
    "HeldDelivery",
    "IdempotencyKeys",
    "JobEvents",
    "JobLine",
    "JobPage",
    "JobQueue",
    "JobStore",
    "KeptKey",
    "KeyPage",
    "KeyStore",
    "Meter",
    "Outbound",
    "Pace",
    "PaceKeeper",
    "RateLimiter",
    "ResultIndex",
    "SecretVersion",
    "SecretVersions",
    "Sink",
    "Span",
    "StoredBlob",
    "Tracer",
    "Transcriber",
    "Transcript",
    "UploadOffer",
    "UploadScanner",
    "Usage",
    "VoicePage",
    "VoiceStore",
    "WebhookStore",
    "Window",
    "WorkerBeat",
    "WorkerRegistry",
]
