"""What the services need of the outside world, as small Protocols. One contract suite each, run over every adapter.

All but `JobEvents` are synchronous and thread-safe; async callers run them in a thread pool. Every method may raise
its port's `Unavailable` error.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import BinaryIO, Protocol

from f5_tts_core.types import Waveform
from services.shared.api_key import ApiKey
from services.shared.batch import Batch, BatchEntry
from services.shared.job import Job, JobStatus
from services.shared.news import Mailbox
from services.shared.voice import Voice
from services.shared.webhook import Delivery

#: Seconds since the epoch. Injected, so that tests own the time.
Clock = Callable[[], float]
#: Takes bytes as they arrive.
Sink = Callable[[bytes], object]


@dataclass(frozen=True)
class JobPage:
    jobs: Sequence[Job]
    #: Opaque; None on the last page.
    next_cursor: str | None


@dataclass(frozen=True)
class Beat:
    """The store's answer to a heartbeat."""

    #: False: the lease was lost to another attempt, or the job is gone or over.
    owned: bool
    cancel_requested: bool = False


@dataclass(frozen=True)
class Usage:
    """What an owner uses of the service."""

    #: Jobs that are queued or processing.
    jobs: int
    #: Seconds of audio that its jobs were made of on this day (UTC).
    audio_seconds: float


class JobStore(Protocol):
    """Job records. Writes are compare-and-set on `revision`; only `beat` updates in place."""

    def add(self, job: Job, *, limit: int = 0) -> None:
        """Raises `StaleJob` where the id is taken by another job; the same one again is no conflict.

        Raises `TooManyJobs` where `limit` of the owner's jobs have not ended yet; 0 is no limit.
        """
        ...

    def get(self, job_id: str) -> Job:
        """Raises `JobNotFound`."""
        ...

    def replace(self, old: Job, new: Job) -> Job:
        """Store `new` where `old` lies, and return it with its new revision.

        Raises `StaleJob` where the record's revision is not `old`'s, `JobNotFound` where it is gone. The same end
        stored twice is no conflict: the first answer may have been lost. Within one attempt, lease and progress
        never fall behind what a beat has set meanwhile.
        A record that became terminal is kept for the store's lifetime of ended jobs from then on. The audio of one
        that succeeds is counted for its owner, once.
        """
        ...

    def remove(self, job_id: str) -> None:
        """Raises `JobNotFound`."""
        ...

    def page(self, owner: str, *, limit: int, cursor: str | None = None, status: JobStatus | None = None) -> JobPage:
        """An owner's jobs, newest first. Raises `ValueError` on a cursor that is not one of ours."""
        ...

    def beat(self, job_id: str, attempt: int, *, progress: float, lease_until: float) -> Beat:
        """Extend the lease and note the progress of a running attempt, in one round trip."""
        ...

    def lapsed(self, now: float, limit: int) -> Sequence[Job]:
        """Processing jobs whose lease has run out by `now`, longest ago first."""
        ...

    def find(self, job_ids: Sequence[str]) -> Mapping[str, Job]:
        """Those of these ids that there are, in one round trip."""
        ...

    def outlived(self, now: float, limit: int) -> Sequence[str]:
        """Ids of jobs whose audio is to be deleted by `now`, longest ago first.

        A job is listed from its output's `expires_at` on, by the very write that ended it, until `forget_audio`. Its
        record may be gone before that, but for one that was removed.
        """
        ...

    def postpone_audio(self, job_id: str, until: float) -> None:
        """Have `outlived` leave a job out until then. Nothing where it would not list it anyway."""
        ...

    def forget_audio(self, job_id: str) -> None:
        """The audio is deleted: `outlived` lists the job no more. No error where it does not."""
        ...

    def queued(self, limit: int) -> Sequence[Job]:
        """Queued jobs, of all owners, longest waiting first."""
        ...

    def usage(self, owner: str, now: float) -> Usage:
        """In one round trip, and no scan. Seconds are kept for two days, whatever becomes of the jobs."""
        ...

    def counts(self) -> dict[JobStatus, int]:
        """How many are queued and processing."""
        ...

    def positions(self, job_ids: Sequence[str]) -> Sequence[int | None]:
        """For each job how many queued ones, of all owners, are before it; None where it is not queued.

        One round trip, and no scan: O(log n) a job.
        """
        ...

    def ping(self) -> None: ...


class JobEvents(Protocol):
    """Tells what happens to jobs as it happens. Of one event loop; an outage of the source is waited out in silence."""

    def listen(self, job_id: str) -> AbstractContextManager[Mailbox]:
        """Inside, the mailbox is given the latest of a job: a new revision, each percent of progress, its removal.

        After an outage it is told to read the record again. Never blocks, never raises.
        """
        ...

    async def close(self) -> None: ...


@dataclass(frozen=True)
class BatchPage:
    batches: Sequence[Batch]
    #: Opaque; None on the last page.
    next_cursor: str | None


class BatchStore(Protocol):
    """Batches of jobs. May raise `JobStoreUnavailable`.

    A batch's counts follow every write to its jobs by whichever `JobStore` on the same server. It lives as long as
    a job that ended when the last of its own did.
    """

    def add(self, batch: Batch, jobs: Sequence[Job], *, limit: int = 0) -> None:
        """Store the batch and all of its queued jobs, or nothing. The same once more is no conflict.

        Raises `TooManyJobs` where more than `limit` of the owner's jobs would be under way; 0 is no limit.
        """
        ...

    def get(self, batch_id: str) -> Batch:
        """Raises `BatchNotFound`."""
        ...

    def entries(self, batch_id: str, start: int, limit: int) -> Sequence[BatchEntry]:
        """What became of its jobs, in the order they were given in, from number `start` (0 the first) on."""
        ...

    def request_cancel(self, batch_id: str) -> None:
        """Note that it was asked for; its jobs are canceled one by one. Raises `BatchNotFound`."""
        ...

    def remove(self, batch_id: str) -> None:
        """The batch alone, not its jobs. Raises `BatchNotFound`."""
        ...

    def page(self, owner: str, *, limit: int, cursor: str | None = None) -> BatchPage:
        """An owner's batches, newest first. Raises `ValueError` on a cursor that is not one of ours."""
        ...


@dataclass(frozen=True)
class VoicePage:
    voices: Sequence[Voice]
    #: Opaque; None on the last page.
    next_cursor: str | None


class VoiceStore(Protocol):
    """Records of voices, kept until they are removed. An owner has a name once, whatever its capitals."""

    def add(self, voice: Voice, *, limit: int) -> None:
        """Raises `VoiceNameTaken`, `TooManyVoices` where the owner has `limit` of them, and `StaleVoice` where the id
        is taken by another voice; the same one again is no conflict."""
        ...

    def get(self, voice_id: str) -> Voice:
        """Raises `VoiceNotFound`."""
        ...

    def find(self, owner: str, name: str) -> Voice:
        """An owner's voice by its name. Raises `VoiceNotFound`."""
        ...

    def replace(self, old: Voice, new: Voice) -> Voice:
        """Store `new` where `old` lies, and return it with its new revision.

        Raises `StaleVoice` where the record's revision is not `old`'s, `VoiceNotFound` where it is gone, and
        `VoiceNameTaken`. The same change stored twice is no conflict: the first answer may have been lost.
        """
        ...

    def remove(self, voice_id: str) -> None:
        """Raises `VoiceNotFound`."""
        ...

    def page(self, owner: str, *, limit: int, cursor: str | None = None) -> VoicePage:
        """An owner's voices, newest first. Raises `ValueError` on a cursor that is not one of ours."""
        ...


@dataclass(frozen=True)
class StoredBlob:
    key: str
    #: Seconds since the epoch, by the object store's clock.
    stored_at: float


@dataclass(frozen=True)
class AudioPiece:
    """A second of speech at most: 16-bit little-endian samples at `limits.SAMPLE_RATE`. Empty: the speech is over."""

    #: From 1, without gaps.
    number: int
    samples: bytes = field(repr=False)


class AudioChannel(Protocol):
    """Speech on its way from the worker that makes it to whoever listens. Bounded and short-lived.

    Attempts at a job never meet. Who listens to the job's events hears of new pieces. May raise `JobStoreUnavailable`.
    """

    def send(self, job_id: str, attempt: int, pieces: Sequence[AudioPiece]) -> None:
        """Add the next pieces; ones that are there already change nothing. Of too many the oldest go."""
        ...

    def read(self, job_id: str, attempt: int, *, after: int, limit: int) -> Sequence[AudioPiece]:
        """The oldest pieces that are kept and have higher numbers than `after`."""
        ...

    def drop(self, job_id: str, attempts: int) -> None:
        """Forget this many attempts."""
        ...


class BlobStore(Protocol):
    """Audio by key."""

    def put(self, key: str, data: BinaryIO, length: int, content_type: str) -> None:
        """Store the next `length` bytes of `data`. Raises `ValueError` where it ends earlier; nothing is stored."""
        ...

    def get(self, key: str) -> bytes:
        """Whole: references are bounded in size. Raises `BlobNotFound`."""
        ...

    def copy(self, source: str, target: str) -> None:
        """Within the store, content type and all. Raises `BlobNotFound`."""
        ...

    def delete(self, key: str) -> None:
        """No error where there is none."""
        ...

    def delete_prefix(self, prefix: str) -> None: ...

    def page(self, prefix: str, *, limit: int, after: str | None = None) -> Sequence[StoredBlob]:
        """What lies under `prefix`, in the order of keys, from behind `after` on. Fewer than `limit`: that is all."""
        ...

    def set_lifetimes(self, seconds: Mapping[str, float]) -> None:
        """Have the object store by itself delete what lies longer than so many seconds under each of these prefixes.

        A net: stores count whole days, so that it is up to two days late, and never early. Rules that others gave
        the store stay as they are. Raises `LifetimesRefused`.
        """
        ...

    def sign(self, key: str, *, expires_seconds: int, filename: str) -> str:
        """A URL that anybody can fetch the blob with until it expires. No round trip.

        Finished audio may be fetched through a CDN, whose URLs need not expire; nothing else is.
        """
        ...

    def ping(self) -> None: ...


class ResultIndex(Protocol):
    """Which job speaks something, or has spoken it: by a digest of all that its sound depends on.

    May raise `JobStoreUnavailable`. A job that is named may be gone by now, or have failed.
    """

    def named(self, digest: str) -> str | None:
        """A job's id."""
        ...

    def take(self, digest: str, job_id: str, *, instead_of: str | None = None, ttl_seconds: int) -> str:
        """Name the job where none is named, or it is itself, or `instead_of`. The id that is named then."""
        ...


class JobQueue(Protocol):
    """Delivers job ids to workers, at least once. Truth about a job is in the `JobStore` alone."""

    def send(self, job_id: str) -> None: ...

    def depth(self) -> int:
        """Messages that no worker has taken yet."""
        ...

    def ping(self) -> None: ...


@dataclass(frozen=True)
class WorkerBeat:
    """A worker that is alive and ready. `info` is its engine's `EngineInfo` as a dict."""

    worker: str
    info: dict[str, str | int | float]
    started_at: float
    #: Jobs that it takes at once.
    slots: int = 1


class WorkerRegistry(Protocol):
    """Which workers are ready, kept alive by their beats."""

    def announce(self, beat: WorkerBeat, ttl_seconds: float) -> None: ...

    def withdraw(self, worker: str) -> None: ...

    def ready(self) -> Sequence[WorkerBeat]:
        """Sorted by name."""
        ...


@dataclass(frozen=True)
class Pace:
    """What jobs took lately, on average."""

    #: Seconds from claim to commit.
    seconds: float
    #: How much there was to do, as `services.shared.pace.workload` counts it.
    workload: float


class PaceKeeper(Protocol):
    """Remembers how fast jobs are done, the latest most."""

    def note(self, seconds: float, workload: float) -> None:
        """A job was done."""
        ...

    def pace(self) -> Pace | None:
        """None until the first job was done."""
        ...


@dataclass(frozen=True)
class KeyPage:
    keys: Sequence[ApiKey]
    #: Opaque; None on the last page.
    next_cursor: str | None


class KeyStore(Protocol):
    """Records of API keys, kept until they are removed. May raise `JobStoreUnavailable`."""

    def add(self, key: ApiKey) -> None:
        """The same one again is no conflict; ids are drawn by chance."""
        ...

    def get(self, key_id: str) -> ApiKey:
        """In one round trip. Raises `KeyNotFound`."""
        ...

    def remove(self, key_id: str) -> None:
        """Raises `KeyNotFound`."""
        ...

    def page(self, owner: str | None, *, limit: int, cursor: str | None = None) -> KeyPage:
        """An owner's keys, or those of all, newest first. Raises `ValueError` on a cursor that is not one of ours."""
        ...


@dataclass(frozen=True)
class KeptKey:
    """An idempotency key that was seen before."""

    #: Of the request that came with it.
    fingerprint: str
    #: The job or batch that was made of that request; None while it is being submitted.
    job_id: str | None


class IdempotencyKeys(Protocol):
    """Clients' keys for requests that are to be carried out once. Keys of different owners never meet."""

    def reserve(self, owner: str, key: str, fingerprint: str, ttl_seconds: float) -> KeptKey | None:
        """Take the key, and answer None; where it is taken, what it was taken for. One of any number wins.

        A reservation that is neither kept nor freed lapses after `ttl_seconds`: its process died.
        """
        ...

    def keep(self, owner: str, key: str, kept: KeptKey, ttl_seconds: float) -> None:
        """Note what was made."""
        ...

    def free(self, owner: str, key: str, fingerprint: str) -> None:
        """Give a reservation back. One that was kept, or is another request's by now, stays."""
        ...


@dataclass(frozen=True)
class Window:
    """How a minute's requests stand after one more."""

    allowed: bool
    remaining: int
    #: When the first of those that were counted is a minute old; seconds since the epoch.
    resets_at: float


class RateLimiter(Protocol):
    """Counts requests over a moving minute. May raise `JobStoreUnavailable`."""

    def hit(self, subject: str, per_minute: int) -> Window:
        """Count one more for `subject`, unless there were `per_minute` of them already."""
        ...


@dataclass(frozen=True)
class Transcript:
    text: str
    #: BCP 47, as far as the transcriber knows.
    language: str


class Transcriber(Protocol):
    """Words out of a reference whose transcript was left out."""

    def transcribe(self, audio: Waveform) -> Transcript:
        """Raises `TranscriptionFailed` where no words are found."""
        ...


class Outbound(Protocol):
    """HTTP to addresses that strangers name. Each call judges anew where the URL leads, and goes nowhere else.

    `seconds` bounds a call from its first connection to its last byte. Every method may raise `UrlRefused`, those
    that connect `UrlUnreachable` too.
    """

    def check(self, url: str) -> None: ...

    def post(self, url: str, body: bytes, headers: Mapping[str, str], *, seconds: float) -> int:
        """The status that was answered. A redirect is an answer like any other."""
        ...

    def fetch(self, url: str, sink: Sink, *, max_bytes: int, seconds: float) -> None:
        """Give `sink` what lies under the URL, through redirects. Raises `UrlNotServed`, `ContentTooLarge`."""
        ...


class BucketReader(Protocol):
    """What lies in buckets that are not ours, on our object store. May raise `BlobStoreUnavailable`."""

    def fetch(self, bucket: str, key: str, sink: Sink, *, max_bytes: int) -> None:
        """Raises `UrlNotServed` where there is none, or it is not for us; `ContentTooLarge`."""
        ...


@dataclass(frozen=True)
class HeldDelivery:
    """A delivery that is due, and its taker's alone until the moment `held_until`."""

    job: Job
    delivery: Delivery
    held_until: float


class WebhookStore(Protocol):
    """What became of the webhooks of ended jobs. May raise `JobStoreUnavailable`.

    A job that has a `webhook_url` is due from the very write that ends it, by whichever `JobStore` on the same
    server, until it is settled; its delivery lives as long as its record.
    """

    def take(self, now: float, limit: int, *, hold_seconds: float) -> Sequence[HeldDelivery]:
        """What is due by `now`, longest first. Who dies while holding loses it after `hold_seconds` to the next."""
        ...

    def settle(self, held: HeldDelivery, delivery: Delivery) -> bool:
        """Store the outcome of a try. False, and nothing is stored, where it is held by another one by now."""
        ...

    def postpone(self, held: Sequence[HeldDelivery], until: float) -> None:
        """Give these back untried, due again at `until`; those that are held by another one by now stay so."""
        ...

    def restart(self, job_id: str, delivery: Delivery) -> None:
        """Make `delivery` the job's, due at its `next_attempt_at`. Raises `JobNotFound`."""
        ...

    def find(self, job_ids: Sequence[str]) -> Mapping[str, Delivery]:
        """Those that were tried or restarted at least once, in one round trip."""
        ...
