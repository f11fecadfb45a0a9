"""What the API answers about jobs."""

from datetime import datetime

from pydantic import Field

from f5_tts_core.formats import AudioFormat
from services.api.jobs.estimates import UNKNOWN, Standing
from services.api.views.output import Output, moment
from services.api.views.webhook import WebhookView, webhook_view
from services.shared.job import Job, JobStatus, LanguageSource
from services.shared.lifetimes import audio_expires_at
from services.shared.links import problem_path, result_url
from services.shared.parts import Parts
from services.shared.priority import Priority
from services.shared.settings import Settings
from services.shared.webhook import Delivery


class SpeakerView(Output):
    mark: str = Field(description="As it stands in the text, between brackets.", examples=["anna"])
    voice_id: str | None = Field(description="Null where it is the bundled voice.")


class JobInputView(Output):
    text: str = Field(description="Of a long job's text the beginning.")
    characters: int = Field(description="Of the whole text.", examples=[57])
    voice_id: str | None
    ref_text: str | None
    reference_sha256: str
    speed: float
    seed: int | None
    nfe_step: int
    cfg_strength: float
    remove_silence: bool
    format: AudioFormat
    sample_rate: int = Field(description="Hz.")
    bit_depth: int | None = Field(description="Bits a sample; null where the format keeps none.")
    bitrate: int | None = Field(description="kbit/s; null where the format loses nothing.")
    loudness: float | None = Field(description="LUFS that was asked for.")
    trim: bool
    cache: bool = Field(description="Whether it may share its audio with identical requests of yours.")
    stream: bool = Field(description="Whether it can be heard while it is spoken.")
    speakers: list[SpeakerView] = Field(description="Whom the marks in the text name; none where there are none.")


class JobOutputView(Output):
    format: AudioFormat
    bytes: int
    sha256: str
    duration_s: float
    sample_rate: int = Field(description="Hz.")
    bitrate: int | None = Field(description="kbit/s; null where the format loses nothing.")
    peak_dbfs: float | None = Field(description="Largest sample in dB of full scale, before encoding.", examples=[-1.9])
    loudness_lufs: float | None = Field(description="Integrated loudness, before encoding.", examples=[-19.7])
    #: The seed that was used, drawn where none was given.
    seed: int
    cached: bool = Field(description="Whether it is a copy of what was spoken for an identical request of yours.")
    expires_at: datetime = Field(description="When the audio is deleted; from then on `result_url` is null.")


class JobErrorView(Output):
    type: str = Field(examples=["/problems/transcription-failed"])
    title: str = Field(examples=["The reference could not be transcribed"])
    detail: str = Field(examples=["No words were recognised in the reference."])


class JobUrls(Output):
    """Paths on this service."""

    self: str = Field(examples=["/jobs/019342a5b3c04f6e1a2b3c4d5e6f7a8b"])
    cancel: str = Field(examples=["/jobs/019342a5b3c04f6e1a2b3c4d5e6f7a8b/cancel"])
    audio: str = Field(examples=["/jobs/019342a5b3c04f6e1a2b3c4d5e6f7a8b/audio"])
    stream: str = Field(examples=["/jobs/019342a5b3c04f6e1a2b3c4d5e6f7a8b/stream"])
    events: str = Field(examples=["/jobs/019342a5b3c04f6e1a2b3c4d5e6f7a8b/events"])


class JobState(Output):
    """What changes while a job is on its way."""

    job_id: str = Field(examples=["019342a5b3c04f6e1a2b3c4d5e6f7a8b"])
    status: JobStatus
    result_url: str | None = Field(description="Where the audio is, freshly signed at each read; null where it is not.")
    progress: float = Field(description="Share of the work done, 0 to 1.", examples=[0.5])
    queue_position: int | None = Field(description="Queued jobs before it; null unless it is queued.", examples=[None])
    eta_s: float | None = Field(
        description="Seconds until it is done, by what jobs took lately; null where that is not known.", examples=[1.4]
    )
    error: JobErrorView | None


class JobView(JobState):
    created_at: datetime
    started_at: datetime | None
    completed_at: datetime | None
    attempts: int
    cancel_requested: bool
    priority: Priority = Field(description="What is more urgent is spoken sooner: `interactive`, `default`, `bulk`.")
    model: str | None = Field(
        description="Which model speaks it; null where there were none to choose from then, and are now.",
        examples=["F5TTS_v1_Base"],
    )
    deadline_at: datetime | None = Field(description="When it has to be done, or is `expired`; null: at any time.")
    batch_id: str | None = Field(description="The batch that it was submitted with; null where it was not.")
    custom_id: str | None = Field(description="What you called it in its batch.")
    language: str | None = Field(
        description="What is spoken, as a BCP 47 tag; null where nothing tells.", examples=["en"]
    )
    language_source: LanguageSource | None = Field(
        description="Who says so: the `request`; its `text`, as it reads; for texts that are too short to tell, the "
        "stored `voice`, else the `model`.",
        examples=["text"],
    )
    input: JobInputView
    output: JobOutputView | None
    metrics: dict[str, float] = Field(description="Seconds by stage.", examples=[{"network": 1.9, "total": 2.4}])
    webhook: WebhookView | None = Field(description="What became of the webhook; null where none was asked for.")
    urls: JobUrls


class JobList(Output):
    jobs: list[JobView]
    next_cursor: str | None = Field(description="Pass it as `cursor` for the next page; null on the last.")


def job_urls(job_id: str, root_path: str) -> JobUrls:
    path = f"{root_path}/jobs/{job_id}"
    return JobUrls(
        self=path, cancel=f"{path}/cancel", audio=f"{path}/audio", stream=f"{path}/stream", events=f"{path}/events"
    )


def job_state(job: Job, parts: Parts, standing: Standing) -> JobState:
    return JobState(
        job_id=job.id,
        status=job.status,
        result_url=result_url(job, parts),
        progress=job.progress,
        queue_position=standing.queue_position,
        eta_s=standing.eta_s,
        error=error_view(job),
    )


def job_view(
    job: Job, parts: Parts, root_path: str, delivery: Delivery | None = None, standing: Standing = UNKNOWN
) -> JobView:
    """`delivery` is the webhook's, where one is stored."""
    return JobView(
        **dict(job_state(job, parts, standing)),
        created_at=moment(job.created_at),
        started_at=None if job.started_at is None else moment(job.started_at),
        completed_at=None if job.completed_at is None else moment(job.completed_at),
        attempts=job.attempt,
        cancel_requested=job.cancel_requested,
        priority=job.priority,
        model=parts.settings.speaks(job.model),
        deadline_at=None if job.deadline_at is None else moment(job.deadline_at),
        batch_id=job.batch_id,
        custom_id=job.custom_id,
        language=job.language,
        language_source=job.language_source,
        input=JobInputView.model_validate(job.input, from_attributes=True),
        output=_output_view(job, parts.settings),
        metrics=dict(job.metrics),
        webhook=webhook_view(job, delivery),
        urls=job_urls(job.id, root_path),
    )


def _output_view(job: Job, settings: Settings) -> JobOutputView | None:
    expires_at = audio_expires_at(job, settings)
    if job.output is None or expires_at is None:
        return None
    return JobOutputView(
        format=job.output.format,
        bytes=job.output.bytes,
        sha256=job.output.sha256,
        duration_s=job.output.duration_seconds,
        sample_rate=job.output.sample_rate,
        bitrate=job.output.bitrate,
        peak_dbfs=job.output.peak_dbfs,
        loudness_lufs=job.output.loudness_lufs,
        seed=job.output.seed,
        cached=job.output.cached,
        expires_at=moment(expires_at),
    )


def error_view(job: Job) -> JobErrorView | None:
    if job.fault is None:
        return None
    return JobErrorView(type=problem_path(job.fault.type), title=job.fault.title, detail=job.fault.detail)
