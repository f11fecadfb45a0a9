"""Timbre's client: speech in a voice that you lend it, from Python.

`Timbre` blocks, `AsyncTimbre` awaits; both have the same calls. Everything they raise on purpose is a `TimbreError`.
"""

from timbre_client.audio import AsyncAudio, Audio
from timbre_client.batch import Batch, BatchCounts, BatchResult, BatchStatus
from timbre_client.batches import BatchItem
from timbre_client.client import AsyncTimbre, Timbre
from timbre_client.direct_uploads import Upload
from timbre_client.errors import (
    ApiError,
    AudioDamaged,
    AudioNotReady,
    AudioUnavailable,
    AuthenticationError,
    BatchTimeout,
    ConfigurationError,
    ConflictError,
    InvalidId,
    InvalidRequestError,
    JobError,
    JobFailed,
    JobTimeout,
    NotFoundError,
    PermissionDeniedError,
    RateLimitError,
    ServerError,
    ServerUnreachable,
    ServiceUnavailableError,
    TimbreError,
    UnexpectedAnswer,
    UploadRefused,
)
from timbre_client.events import JobEvent
from timbre_client.job import Job, JobFault, JobInput, JobOutput, JobSpeaker, JobState, JobStatus, JobWebhook
from timbre_client.listing import Page
from timbre_client.live import LiveEvent
from timbre_client.speech import AsyncSpeech, Speech
from timbre_client.tts import AudioOptions, SharedOptions, SpeechOptions
from timbre_client.uploads import Recording
from timbre_client.voice import Consent, Report, Sample, Voice
from timbre_client.voices import VoiceChange
from timbre_client.webhook_secret import WebhookSecret

__all__ = [
    "ApiError",
    "AsyncAudio",
    "AsyncSpeech",
    "AsyncTimbre",
    "Audio",
    "AudioDamaged",
    "AudioNotReady",
    "AudioOptions",
    "AudioUnavailable",
    "AuthenticationError",
    "Batch",
    "BatchCounts",
    "BatchItem",
    "BatchResult",
    "BatchStatus",
    "BatchTimeout",
    "ConfigurationError",
    "ConflictError",
    "Consent",
    "InvalidId",
    "InvalidRequestError",
    "Job",
    "JobError",
    "JobEvent",
    "JobFailed",
    "JobFault",
    "JobInput",
    "JobOutput",
    "JobSpeaker",
    "JobState",
    "JobStatus",
    "JobTimeout",
    "JobWebhook",
    "LiveEvent",
    "NotFoundError",
    "Page",
    "PermissionDeniedError",
    "RateLimitError",
    "Recording",
    "Report",
    "Sample",
    "ServerError",
    "ServerUnreachable",
    "ServiceUnavailableError",
    "SharedOptions",
    "Speech",
    "SpeechOptions",
    "Timbre",
    "TimbreError",
    "UnexpectedAnswer",
    "Upload",
    "UploadRefused",
    "Voice",
    "VoiceChange",
    "WebhookSecret",
]
