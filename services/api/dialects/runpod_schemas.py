"""What the routes in RunPod's manner take and answer, in RunPod's words."""

import json
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema

from services.api.errors import InvalidField
from services.api.forms.fields import parse_json
from services.api.forms.speech import SpeechForm, SpokenText
from services.api.views.output import Output
from services.shared.job import Job, JobStatus
from services.shared.links import result_url
from services.shared.outbound.urls import MAX_URL_CHARACTERS
from services.shared.parts import Parts

RunStatus = Literal["IN_QUEUE", "IN_PROGRESS", "COMPLETED", "FAILED", "CANCELLED", "TIMED_OUT"]

_STATUS: Final[dict[JobStatus, RunStatus]] = {
    JobStatus.QUEUED: "IN_QUEUE",
    JobStatus.PROCESSING: "IN_PROGRESS",
    JobStatus.SUCCEEDED: "COMPLETED",
    JobStatus.FAILED: "FAILED",
    JobStatus.CANCELED: "CANCELLED",
    JobStatus.EXPIRED: "TIMED_OUT",
}
#: Their names for our fields.
_NAMES: Final = {"prompt_speech_url": "voice_url", "prompt_text": "ref_text"}


class RunInput(SpokenText):
    """One text, and whose voice speaks it: by `prompt_speech_url`, or by the name or id `voice_id`."""

    prompt_speech_url: Annotated[
        str | None,
        Field(
            max_length=MAX_URL_CHARACTERS,
            description="Where the recording of the voice is fetched from; `voice_url` in other words.",
            examples=["https://example.com/voices/anna.wav"],
        ),
    ] = None
    prompt_text: Annotated[
        str | None, Field(description="What is said in the recording; `ref_text` in other words.")
    ] = None

    def form(self) -> SpeechForm:
        """As the native route takes it. Raises `InvalidField`."""
        values = self.model_dump(exclude_unset=True, exclude=set(_NAMES))
        for theirs, ours in _NAMES.items():
            given = getattr(self, theirs)
            if given is None:
                continue
            if values.get(ours) is not None:
                detail = f"`{theirs}` and `{ours}` are both given, and mean the same."
                raise InvalidField(detail, field=theirs, accepted="one of them")
            values[ours] = given
        form = SpeechForm.model_validate(values)
        form.encoding()
        return form


class RunRequest(BaseModel):
    # Their clients may send `policy`, `s3Config` and more, which mean nothing here.
    model_config = ConfigDict(frozen=True, extra="ignore")

    # Read on its own, so that an error names the field within.
    input: Annotated[dict[str, Any], WithJsonSchema(RunInput.model_json_schema())]
    webhook: Annotated[
        str | None,
        Field(
            max_length=MAX_URL_CHARACTERS,
            description="Told when the job has ended, with the body and signature of our own webhooks.",
            examples=["https://example.com/hooks/timbre"],
        ),
    ] = None

    def form(self) -> SpeechForm:
        """Raises `InvalidField`."""
        form = parse_json(RunInput, json.dumps(self.input).encode()).form()
        return form if self.webhook is None else form.model_copy(update={"webhook_url": self.webhook})

    def names(self) -> dict[str, str]:
        """What its client calls our fields: as RunPod does, but for those that it sent by our own names."""
        sent = {name for name, value in self.input.items() if value is not None}
        names = {ours: theirs for theirs, ours in _NAMES.items() if ours not in sent}
        by_ours = "webhook_url" in sent and self.webhook is None
        return names if by_ours else {**names, "webhook_url": "webhook"}


class RunOutput(Output):
    audio_url: str | None = Field(description="Where the audio is, freshly signed; null once its time is over.")
    format: str = Field(examples=["wav"])
    sample_rate: int = Field(description="Hz.")
    duration_s: float = Field(examples=[2.0])
    seed: int


class Run(Output):
    id: str = Field(examples=["019342a5b3c04f6e1a2b3c4d5e6f7a8b"])
    status: RunStatus
    output: RunOutput | None
    error: str | None = Field(description="Why it failed, in words.")
    executionTime: int | None = Field(description="Milliseconds from its beginning to its end.", examples=[2_400])  # noqa: N815 - RunPod's
    delayTime: int | None = Field(description="Milliseconds that it waited.", examples=[120])  # noqa: N815 - RunPod's


def run_view(job: Job, parts: Parts) -> Run:
    return Run(
        id=job.id,
        status=_STATUS[job.status],
        output=_output(job, parts),
        error=None if job.fault is None else f"{job.fault.title}: {job.fault.detail}",
        executionTime=_milliseconds(job.started_at, job.completed_at),
        delayTime=_milliseconds(job.created_at, job.started_at),
    )


def _output(job: Job, parts: Parts) -> RunOutput | None:
    made = job.output
    if made is None:
        return None
    return RunOutput(
        audio_url=result_url(job, parts),
        format=made.format,
        sample_rate=made.sample_rate,
        duration_s=made.duration_seconds,
        seed=made.seed,
    )


def _milliseconds(start: float | None, end: float | None) -> int | None:
    return None if start is None or end is None else round((end - start) * 1000)
