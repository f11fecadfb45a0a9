"""What `POST /tts` takes, beside how to speak: its fields, their bounds and what the documentation says of them."""

from collections.abc import Collection, Mapping, Sequence
from typing import Annotated, Any, Literal, Self

from pydantic import Field

from services.api.errors import InvalidField
from services.api.forms.fields import parse_fields
from services.api.forms.named_voice import BY_NAME_OR_ID
from services.api.forms.options import SpeechOptions
from services.api.forms.preference import Mode
from services.api.uploads.multipart import FormShape
from services.api.voices.sample_voice import SAMPLE_VOICE
from services.shared.outbound.urls import MAX_URL_CHARACTERS
from services.shared.priority import Priority
from services.shared.settings import Settings
from services.shared.voice import MAX_NAME_CHARACTERS

#: The name of the file part.
VOICE = "voice"
UPLOAD_ID = "upload_id"
#: The ways to say whose voice it is to be: exactly one of them.
VOICE_URL, VOICE_ID = "voice_url", "voice_id"
VOICE_SOURCES = (VOICE, UPLOAD_ID, VOICE_URL, VOICE_ID)
#: The same where files cannot be sent along: in JSON.
JSON_VOICE_SOURCES = (VOICE_ID, VOICE_URL, UPLOAD_ID)
#: Bytes of one text field: far more than its characters may take, so that too long a text is told so as text.
FIELD_BYTES = 256 * 1024
#: Bytes that a form may have beside the voice: all fields, headers and boundaries.
FORM_BYTES = 1024 * 1024
#: The furthest that a deadline may be.
MAX_DEADLINE_SECONDS = 7 * 86_400

PriorityName = Literal["interactive", "default", "bulk"]


class SharedFields(SpeechOptions):
    """What the texts of one request have in common, however many there are."""

    voice_url: Annotated[
        str | None,
        Field(
            max_length=MAX_URL_CHARACTERS,
            description="Where the voice is fetched from, in place of `voice`: an https URL, or `s3://bucket/key` in "
            "a bucket that the service reads from. Private addresses are refused.",
            examples=["https://example.com/voices/anna.wav"],
        ),
    ] = None
    upload_id: Annotated[
        str | None,
        Field(
            max_length=64,
            description="A recording that you stored yourself, in place of `voice`: see `POST /uploads`.",
            examples=["019342a5b3c04f6e1a2b3c4d5e6f7a8b"],
        ),
    ] = None
    ref_text: Annotated[
        str | None,
        Field(description="What is said in `voice`. Left out, it is transcribed, where the service can."),
    ] = None
    voice_id: Annotated[
        str | None,
        Field(
            max_length=MAX_NAME_CHARACTERS,
            description=f"{BY_NAME_OR_ID} In place of `voice` and `ref_text`.",
            examples=[SAMPLE_VOICE],
        ),
    ] = None
    webhook_url: Annotated[
        str | None,
        Field(
            max_length=MAX_URL_CHARACTERS,
            description="An https URL that is told when the job has ended, however it does: see Webhooks. Private "
            "addresses are refused.",
            examples=["https://example.com/hooks/timbre"],
        ),
    ] = None
    priority: Annotated[
        PriorityName | None,
        Field(
            description="What is more urgent is spoken sooner. Left out: `interactive` where somebody waits for the "
            "speech or hears it as it is made, `bulk` for long jobs and batches, else `default`. Your key may not "
            "allow all of them."
        ),
    ] = None
    deadline_s: Annotated[
        float | None,
        Field(
            ge=1,
            le=MAX_DEADLINE_SECONDS,
            allow_inf_nan=False,
            description="Seconds in which it has to be done. After them it is not begun, or stops, and is `expired`.",
        ),
    ] = None

    def deadline_at(self, now: float, settings: Settings) -> float | None:
        """Of a job that is submitted now; None where it has all the time."""
        seconds = settings.deadline_seconds if self.deadline_s is None else self.deadline_s
        return None if seconds is None else now + seconds


class SpokenText(SharedFields):
    """One text."""

    text: Annotated[
        str, Field(description="What to say.", examples=["Hello! This is a voice that you have heard before."])
    ]


class SpeechForm(SpokenText):
    """The fields beside the voice."""

    stream: Annotated[
        bool,
        Field(
            description="Make the audio so that it can be heard while it is spoken, at `GET /jobs/{job_id}/stream`. "
            "Not with `remove_silence`, `loudness` or `trim`, which look at the whole of it."
        ),
    ] = False
    long: Annotated[
        bool,
        Field(
            description="Queue it as a long job, as texts that are longer than 4,096 characters always are: spoken a "
            "chunk at a time, and each chunk kept, so that what was spoken already is not spoken again after a crash, "
            "or of an edited text with the same `seed`. The answer is the job, whatever `Prefer` says."
        ),
    ] = False
    dialogue: Annotated[
        bool | None,
        Field(
            description="Whether `[name]` in the text has the voice of that name or id speak what follows, as in "
            "`[anna] Hello. [ben] Hi.` Brackets that are to be spoken are then written `\\[` and `\\]`. Left out: "
            "where no voice is given. Where one is, it speaks what stands before the first mark."
        ),
    ] = None
    mode: Annotated[
        Mode | None,
        Field(description="`sync` waits for the audio, `async` answers the job at once. Wins over `Prefer`."),
    ] = None

    def as_stream(self) -> Self:
        """The same, to be heard while it is made; but for FLAC, of which most programs want to know its length."""
        return self.model_copy(update={"stream": self.format != "flac"})

    def as_job(self, settings: Settings) -> Self:
        """The same, as a long job where its length asks for that. Raises `InvalidField` for one to be waited for."""
        long = self.long or len(self.text) > settings.max_text_characters
        if long and self.mode == "sync":
            detail = "`mode`: nobody can wait for a long text."
            raise InvalidField(detail, field="mode", accepted="async, or left out")
        return self.model_copy(update={"long": long})

    def usual_priority(self, usual: Priority) -> Priority:
        """Where none is asked for: somebody listens to a stream, and nobody waits for a long job; else `usual`."""
        if self.stream:
            return Priority.INTERACTIVE
        return Priority.BULK if self.long else usual

    def check_stream(self) -> None:
        """Raises `InvalidField` where what is to be heard while it is made would have to be whole first."""
        if not self.stream:
            return
        whole = {"remove_silence": self.remove_silence, "loudness": self.loudness is not None, "trim": self.trim}
        for name, asked in whole.items():
            if asked:
                detail = f"`{name}`: it looks at the whole audio, which a stream does not have."
                raise InvalidField(detail, field=name, accepted="left out, or no stream")


def form_shape(settings: Settings) -> FormShape:
    return FormShape(
        fields={**dict.fromkeys(SpeechForm.model_fields, FIELD_BYTES), "text": text_bytes(settings)},
        files={VOICE: settings.max_upload_bytes},
    )


def text_bytes(settings: Settings) -> int:
    """Of the longest text there may be, in UTF-8."""
    return max(FIELD_BYTES, 4 * settings.max_long_text_characters)


def parse_speech(fields: Mapping[str, str]) -> SpeechForm:
    """Raises `InvalidField`, also for what does not go together."""
    form = parse_fields(SpeechForm, fields)
    form.encoding()
    form.check_stream()
    return form


def choose_source(given: Collection[str], sources: Sequence[str] = VOICE_SOURCES) -> str:
    """Which of `sources` the voice comes from. Raises `InvalidField` unless exactly one is given."""
    found = [source for source in sources if source in given]
    if len(found) == 1:
        return found[0]
    accepted = f"exactly one of {', '.join(sources)}"
    if not found:
        raise InvalidField(f"`{sources[0]}` is missing.", field=sources[0], accepted=accepted)
    raise InvalidField(f"`{found[0]}` and `{found[1]}` are both given.", field=found[1], accepted=accepted)


def form_schema() -> dict[str, Any]:
    """The form as OpenAPI sees it."""
    schema = SpeechForm.model_json_schema()
    voice = {
        "type": "string",
        "format": "binary",
        "description": "A few seconds of the voice: WAV, FLAC, MP3, Ogg, Opus, M4A, AAC or WebM, told by content. "
        "Needed unless `upload_id`, `voice_url` or `voice_id` is given.",
    }
    schema["properties"] = {"text": schema["properties"].pop("text"), VOICE: voice, **schema["properties"]}
    return schema
