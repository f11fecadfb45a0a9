"""What `POST /voices` and `PATCH /voices/{id}` take: fields, their bounds, and what the documentation says of them."""

import unicodedata
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, Json, StringConstraints

from services.api.forms.languages import Language
from services.api.forms.speech import FIELD_BYTES
from services.api.uploads.multipart import FormShape
from services.shared import voice
from services.shared.settings import Settings

#: The names of the file parts.
SAMPLE: Final = "sample"
RECORDING: Final = "consent_recording"

_EXAMPLE: Final[dict[str, Any]] = {
    "name": "Anna",
    "ref_text": "I know that you can hear the sound of my voice.",
    "language": "en-GB",
    "labels": {"mood": "calm"},
}


def _printable(text: str) -> str:
    if any(unicodedata.category(character) in ("Cc", "Zl", "Zp") for character in text):
        raise ValueError("It holds line breaks or other control characters")
    return text


def _labels(labels: dict[str, str]) -> dict[str, str]:
    if len(labels) > voice.MAX_LABELS:
        raise ValueError(f"There are {len(labels)} labels; at most {voice.MAX_LABELS} are kept")
    return labels


Name = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=voice.MAX_NAME_CHARACTERS),
    AfterValidator(_printable),
]
_LabelName = Annotated[
    str,
    StringConstraints(min_length=1, max_length=voice.MAX_LABEL_NAME_CHARACTERS),
    AfterValidator(_printable),
]
_Label = Annotated[str, StringConstraints(max_length=voice.MAX_LABEL_CHARACTERS), AfterValidator(_printable)]
Labels = Annotated[dict[_LabelName, _Label], AfterValidator(_labels)]
Statement = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=voice.MAX_CONSENT_CHARACTERS)
]


class VoiceForm(BaseModel):
    """The fields beside the files."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[
        Name,
        Field(description="What you call the voice. No two of yours have one name.", examples=[_EXAMPLE["name"]]),
    ]
    consent: Annotated[
        Statement,
        Field(
            description="On whose word the voice may be used.",
            examples=["Anna Example agreed on 2 May 2026 that we speak our announcements in her voice."],
        ),
    ]
    ref_text: Annotated[
        str | None,
        Field(
            description="What is said in `sample`. Left out, it is transcribed, where the service can.",
            examples=[_EXAMPLE["ref_text"]],
        ),
    ] = None
    upload_id: Annotated[
        str | None,
        Field(
            max_length=64,
            description="A recording that you stored yourself, in place of `sample`: see `POST /uploads`.",
            examples=["019342a5b3c04f6e1a2b3c4d5e6f7a8b"],
        ),
    ] = None
    language: Annotated[
        Language | None, Field(description="What is spoken, as a BCP 47 tag.", examples=[_EXAMPLE["language"]])
    ] = None
    labels: Annotated[
        Json[Labels] | None,
        Field(description="Notes of your own: a JSON object of texts.", examples=['{"mood": "calm"}']),
    ] = None


class VoiceChange(BaseModel):
    """What is left out stays as it is; `null` takes a field's value away."""

    model_config = ConfigDict(frozen=True, extra="forbid", json_schema_extra={"examples": [_EXAMPLE]})

    # By a factory, since an empty name is no default to document.
    name: Annotated[Name, Field(default_factory=str)]
    ref_text: str | None = None
    language: Language | None = None
    labels: Annotated[Labels, Field(default_factory=dict, description="All labels: those that are left out are gone.")]


def voice_form_shape(settings: Settings) -> FormShape:
    return FormShape(
        fields=dict.fromkeys(VoiceForm.model_fields, FIELD_BYTES),
        files=dict.fromkeys((SAMPLE, RECORDING), settings.max_upload_bytes),
    )


def voice_form_schema() -> dict[str, Any]:
    """The form as OpenAPI sees it."""
    schema = VoiceForm.model_json_schema()
    sample, recording = (
        "A few seconds of the voice: WAV, FLAC, MP3, Ogg, Opus, M4A, AAC or WebM, told by content. "
        "Needed unless `upload_id` is given.",
        "Somebody speaking the consent. Kept with the voice, never spoken from. Counts into the same size limit.",
    )
    schema["properties"] = {
        SAMPLE: {"type": "string", "format": "binary", "description": sample},
        **schema["properties"],
        RECORDING: {"type": "string", "format": "binary", "description": recording},
    }
    return schema
