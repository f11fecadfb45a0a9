"""How jobs are queued, leased and kept."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from services.shared.priority import PRIORITIES, Priority
from services.shared.settings.section import COMMA_SEPARATED, Section


class JobSettings(Section):
    """Queue, leases and lifetimes."""

    TITLE = "jobs"

    #: Whose jobs a worker takes: of `interactive`, `default` and `bulk`, comma separated; unset: all. See that each has
    #: workers.
    worker_priorities: Annotated[tuple[Priority, ...], COMMA_SEPARATED] = ()
    #: How long a silent worker keeps a job before another may take it.
    lease_seconds: Annotated[float, Field(gt=0)] = 10.0
    #: How often a worker says that it lives.
    heartbeat_seconds: Annotated[float, Field(gt=0)] = 2.0
    #: How often stuck jobs are looked for.
    sweep_seconds: Annotated[float, Field(gt=0)] = 2.0
    #: A queued job is enqueued again when the broker's queue is empty and it was sent longer ago than this.
    resend_seconds: Annotated[float, Field(gt=0)] = 5.0
    #: How long a long job may keep others waiting: then it gives its slot away, and goes on later where it was.
    long_turn_seconds: Annotated[float, Field(ge=0)] = 30.0
    #: Chunks of one long job that are spoken at once, in slots that no other job needs; one slot stays free for the
    #: next job. Unset: as many as there are where the engine gains by batches, as on a GPU; else one.
    long_chunks_at_once: Annotated[int, Field(ge=1, le=256)] | None = None
    #: Messages of a priority (and model) that wait for a worker; jobs beyond them wait in line, where tenants take
    #: turns. More keep very many slots busy, and let a tenant's flood stand before others.
    queue_lead: Annotated[int, Field(ge=1, le=10_000)] = 4
    #: Seconds of audio that may be queued, by the lengths of texts; 0: any number. Beyond them, tenants who have more
    #: than their part of it are answered 503.
    max_queued_seconds: Annotated[float, Field(ge=0)] = 360_000.0
    #: In how many seconds a job has to be done where its request does not say so (`deadline_s`); unset: in any time.
    deadline_seconds: Annotated[float, Field(gt=0)] | None = None
    #: Tries at one job before it fails.
    max_attempts: Annotated[int, Field(ge=1)] = 5
    #: How long a worker keeps trying a store that does not answer before it gives the job back.
    storage_retry_seconds: Annotated[float, Field(ge=0)] = 60.0
    #: How long a stopping worker finishes its jobs before it gives them back.
    stop_grace_seconds: Annotated[float, Field(ge=0)] = 20.0
    #: How long a job may wait before it expires.
    queue_ttl_seconds: Annotated[float, Field(gt=0)] = 86_400.0
    #: Pieces kept of a job that is heard while it is spoken; each holds a second at most, and 48 kB.
    stream_pieces: Annotated[int, Field(ge=10)] = 1_000
    #: How long they are kept after the last of them.
    stream_ttl_seconds: Annotated[int, Field(ge=1)] = 300
    #: How long an ended job's record is kept.
    job_ttl_seconds: Annotated[int, Field(gt=0)] = 7 * 86_400
    #: How long its audio is kept; unset: as long as the record.
    output_ttl_seconds: Annotated[int, Field(gt=0)] | None = None
    #: The longest that an uploaded reference may lie; it is deleted when its job ends.
    input_ttl_seconds: Annotated[int, Field(gt=0)] = 2 * 86_400
    #: How long a direct upload may be made and used; it is deleted when it is.
    upload_ttl_seconds: Annotated[int, Field(ge=60, le=604_800)] = 3_600
    #: How long the chunks of a long job are kept after its end, for an edited text to be spoken from.
    chunk_ttl_seconds: Annotated[int, Field(ge=0)] = 86_400
    #: How long audio lies in the bucket before it is deleted for having no job.
    orphan_ttl_seconds: Annotated[int, Field(ge=3_600)] = 86_400

    #: Answer a request that was spoken before, to the same caller, with a copy of that audio.
    result_cache: bool = True

    @property
    def taken_priorities(self) -> tuple[Priority, ...]:
        """Whose jobs a worker takes."""
        return self.worker_priorities or PRIORITIES

    @property
    def audio_seconds(self) -> int:
        """How long finished audio is kept."""
        return self.job_ttl_seconds if self.output_ttl_seconds is None else self.output_ttl_seconds

    @model_validator(mode="after")
    def _check_heartbeat(self) -> Self:
        if self.heartbeat_seconds >= self.lease_seconds / 2:
            raise ValueError("HEARTBEAT_SECONDS: two beats must fit into a lease; expected under half of LEASE_SECONDS")
        return self
