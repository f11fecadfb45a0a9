"""What can go wrong around a job. Adapters raise these in place of their vendors' errors.

Each has a stable `type`; which HTTP status it answers is the API's affair.
"""

from f5_tts_core.errors import TextError, TimbreError


class JobNotFound(TimbreError):
    type = "job-not-found"
    title = "No such job"


class BatchNotFound(TimbreError):
    type = "batch-not-found"
    title = "No such batch"


class VoiceNotFound(TimbreError):
    type = "voice-not-found"
    title = "No such voice"


class VoiceNameTaken(TimbreError):
    type = "voice-name-taken"
    title = "Another voice has this name"


class TooManyVoices(TimbreError):
    type = "voice-limit-reached"
    title = "No more voices can be stored"


class StaleVoice(TimbreError):
    """The voice changed since it was read: read it again and decide again."""

    type = "voice-changed"
    title = "The voice changed meanwhile"


class TooManyJobs(TimbreError):
    type = "job-limit-reached"
    title = "Too many jobs are under way"


class QueueFull(TimbreError):
    type = "queue-full"
    title = "The queue is full"

    def __init__(self, room_seconds: float, more_ms: int) -> None:
        """`more_ms`: milliseconds of audio that there was no room for."""
        super().__init__(f"More than {room_seconds:g} seconds of audio would be queued.")
        self.more_ms = more_ms


class KeyNotFound(TimbreError):
    type = "key-not-found"
    title = "No such API key"


class BlobNotFound(TimbreError):
    type = "blob-not-found"
    title = "No such stored audio"


class LifetimesRefused(TimbreError):
    """The object store deletes nothing by itself, or we may not tell it to."""

    type = "lifetimes-refused"
    title = "The object store takes no lifecycle rules from us"


class StaleJob(TimbreError):
    """The job changed since it was read: read it again and decide again."""

    type = "job-changed"
    title = "The job changed meanwhile"


class TransitionRefused(TimbreError):
    """The job's state does not allow what was asked."""

    type = "job-state-conflict"
    title = "The job's state does not allow this"


class LeaseLost(TimbreError):
    """Another attempt owns the job by now; whatever this one made is to be thrown away."""

    type = "lease-lost"
    title = "Another worker took the job over"


class Unavailable(TimbreError):
    """A part we need does not answer. Worth a retry."""

    type = "unavailable"
    title = "A part of the service does not answer"


class BlobStoreUnavailable(Unavailable):
    type = "blob-store-unavailable"
    title = "The object store does not answer"


class JobStoreUnavailable(Unavailable):
    type = "job-store-unavailable"
    title = "The job store does not answer"


class JobQueueUnavailable(Unavailable):
    type = "job-queue-unavailable"
    title = "The queue does not answer"


class UploadNotFound(TimbreError):
    type = "upload-not-found"
    title = "No such upload"


class TooManyUploads(TimbreError):
    type = "upload-limit-reached"
    title = "Too many uploads wait to be used"


class ScannerUnavailable(Unavailable):
    type = "scanner-unavailable"
    title = "The virus scanner does not answer"


class UploadInfected(TimbreError):
    """`signature` is the scanner's name for what it found: for logs, not for whoever sent it."""

    type = "upload-infected"
    title = "The upload holds malware"

    def __init__(self, signature: str) -> None:
        super().__init__("The virus scanner found malware in the file.")
        self.signature = signature


class UploadTooLargeToScan(TimbreError):
    type = "upload-too-large-to-scan"
    title = "The upload is larger than the virus scanner takes"


class TranscriptionFailed(TimbreError):
    """No words were recognised in the reference."""

    type = "transcription-failed"
    title = "The reference could not be transcribed"


class UrlRefused(TimbreError):
    """A stranger's URL that we do not go to."""

    type = "url-refused"
    title = "The URL is not accepted"


class UrlUnreachable(TimbreError):
    type = "url-unreachable"
    title = "The URL's server cannot be reached"


class UrlNotServed(TimbreError):
    """Its server answers, but not with what was asked for."""

    type = "url-not-served"
    title = "There is nothing to fetch under the URL"


class ContentTooLarge(TimbreError):
    type = "url-content-too-large"
    title = "What lies under the URL is too large"


class WebhookNotFound(TimbreError):
    type = "webhook-not-found"
    title = "There is no webhook"


class TextRefused(TextError):
    """By a text hook."""

    type = "text-refused"
    title = "This service does not speak the text"


class AudioRefused(TimbreError):
    """By an audio hook."""

    type = "audio-refused"
    title = "This service does not give out the speech"
