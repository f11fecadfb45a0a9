"""What `POST /batches` takes: a JSON document, or a form with the items as a file of JSON lines."""

import json
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Annotated, Any, BinaryIO, Final

from fastapi import Request
from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema

from services.api.errors import InvalidField, PayloadTooLarge
from services.api.forms.fields import parse_fields, parse_json, read_json
from services.api.forms.named_voice import BY_NAME_OR_ID
from services.api.forms.options import SpeechOptions
from services.api.forms.speech import FIELD_BYTES, VOICE, SharedFields, SpeechForm
from services.api.jobs.idempotency import document_fingerprint, fingerprint
from services.api.uploads.multipart import Form, FormShape, is_form, read_form
from services.api.voices.sample_voice import SAMPLE_VOICE
from services.shared.outbound.urls import MAX_URL_CHARACTERS
from services.shared.settings import Settings
from services.shared.voice import MAX_NAME_CHARACTERS

#: The name of the file part, and of the JSON document's list.
ITEMS: Final = "items"

_EXAMPLE: Final[dict[str, Any]] = {
    "voice_id": SAMPLE_VOICE,
    "format": "mp3",
    ITEMS: [{"text": "Chapter one.", "custom_id": "ch-1"}, {"text": "Chapter two.", "custom_id": "ch-2", "speed": 0.9}],
}


class BatchItem(SpeechOptions):
    """A text, and how it is spoken where that is not how all are."""

    text: Annotated[str, Field(description="What to say.", examples=["Chapter one."])]
    voice_id: Annotated[
        str | None,
        Field(
            max_length=MAX_NAME_CHARACTERS,
            description=f"Where it is not the batch's voice. {BY_NAME_OR_ID}",
            examples=[SAMPLE_VOICE],
        ),
    ] = None
    custom_id: Annotated[
        str | None,
        Field(
            min_length=1,
            max_length=128,
            pattern=r"^[^\x00-\x1f\x7f]+$",
            description="Your own name for it, told with its result. No two items of a batch have one name.",
            examples=["ch-1"],
        ),
    ] = None


class BatchFields(SharedFields):
    """What a batch's items have in common, and what is asked for the batch itself."""

    batch_webhook_url: Annotated[
        str | None,
        Field(
            max_length=MAX_URL_CHARACTERS,
            description="An https URL that is told once, when the last of the batch's jobs has ended: see Webhooks. "
            "`webhook_url` is told of each.",
            examples=["https://example.com/hooks/timbre-batches"],
        ),
    ] = None


class BatchDocument(BatchFields):
    """The items, and what they have in common unless an item says otherwise."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    # Each is read on its own, so that every wrong one can be told.
    items: Annotated[
        list[Any],
        WithJsonSchema({"type": "array", "minItems": 1, "items": BatchItem.model_json_schema()}),
        Field(description="What to speak, in this order."),
    ]


@dataclass(frozen=True)
class Line:
    """An item's JSON, under the number that its errors name."""

    number: int
    content: bytes = field(repr=False)


@dataclass(frozen=True)
class SentBatch(AbstractContextManager["SentBatch"]):
    """What was sent. Closes its files when left."""

    fields: BatchFields
    #: To be gone through once.
    lines: Iterable[Line]
    #: Holds the files.
    form: Form
    fingerprint: str

    def __exit__(self, *_: object) -> None:
        self.form.__exit__()


async def read_batch(request: Request, settings: Settings) -> SentBatch:
    """The request's body, of either type. Raises `ApiError`."""
    content_type = request.headers.get("content-type")
    if is_form(content_type):
        return _of_form(await read_form(content_type, request.stream(), _form_shape(settings)))
    document = await read_json(request, BatchDocument, settings.max_upload_bytes, or_form=True)
    lines = (Line(number, json.dumps(item).encode()) for number, item in enumerate(document.items, 1))
    return SentBatch(document, lines, Form(), document_fingerprint(document))


def _of_form(form: Form) -> SentBatch:
    try:
        fields = parse_fields(BatchFields, form.fields)
        if ITEMS not in form.files:
            raise InvalidField(f"`{ITEMS}` is missing.", field=ITEMS, accepted="a file of JSON lines")
    except BaseException:
        form.__exit__()
        raise
    return SentBatch(fields, json_lines(form.files[ITEMS].file), form, fingerprint(form))


def json_lines(file: BinaryIO) -> Iterator[Line]:
    """All lines but blank ones. Raises `PayloadTooLarge` at one that is longer than any item."""
    number = 0
    while content := file.readline(FIELD_BYTES + 1):
        number += 1
        if len(content) > FIELD_BYTES:
            accepted = f"at most {FIELD_BYTES} bytes"
            raise PayloadTooLarge(f"Line {number} has more than {FIELD_BYTES} bytes.", field=ITEMS, accepted=accepted)
        if content.strip():
            yield Line(number, content)


def parse_item(line: Line) -> BatchItem:
    """Raises `InvalidField`, `MalformedJson`."""
    return parse_json(BatchItem, line.content)


def item_form(fields: SharedFields, item: BatchItem) -> SpeechForm:
    """The item as a request of its own, without a voice: what it leaves out is the batch's. Raises `InvalidField`."""
    shared = _given(fields, {*SpeechOptions.model_fields, "webhook_url", "ref_text", "deadline_s"})
    own = _given(item, {*SpeechOptions.model_fields, "text"})
    if "preset" in own:
        # Else the batch's number of steps would win over it.
        shared.pop("nfe_step", None)
    if item.model is None:
        # Also where it says so: some model has to speak it.
        own.pop("model", None)
    form = SpeechForm.model_validate({**shared, **own})
    form.encoding()
    return form


def _given(model: BaseModel, names: set[str]) -> dict[str, Any]:
    return model.model_dump(include=names, exclude_unset=True)


def _form_shape(settings: Settings) -> FormShape:
    return FormShape(
        fields=dict.fromkeys(BatchFields.model_fields, FIELD_BYTES),
        files=dict.fromkeys((VOICE, ITEMS), settings.max_upload_bytes),
    )


def batch_form_schema() -> dict[str, Any]:
    """The form as OpenAPI sees it."""
    schema = BatchFields.model_json_schema()
    items, voice = (
        "JSON lines: an item a line, as in the JSON document's `items`.",
        "A few seconds of the voice of all items that name none. Counts into the same size limit.",
    )
    schema["properties"] = {
        ITEMS: {"type": "string", "format": "binary", "description": items},
        VOICE: {"type": "string", "format": "binary", "description": voice},
        **schema["properties"],
    }
    schema["required"] = [ITEMS]
    return schema
