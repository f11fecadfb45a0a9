"""Reading what a client wrote into the fields of a form or a JSON document, and saying what would be accepted."""

from collections.abc import Mapping
from typing import TypeVar

from fastapi import Request
from pydantic import BaseModel, ValidationError
from starlette.concurrency import run_in_threadpool

from services.api.errors import ApiError, InvalidField, MalformedJson, PayloadTooLarge, UnsupportedMediaType
from services.api.forms.accepting import accepted_field

#: Bytes of a JSON document: far more than its fields may take.
JSON_BYTES = 256 * 1024

Fields = TypeVar("Fields", bound=BaseModel)


def parse_fields(model: type[Fields], fields: Mapping[str, str]) -> Fields:
    """A form's fields. Raises `InvalidField`. An empty optional field counts as left out, as HTML forms send it."""
    kept = {name: value for name, value in fields.items() if value != "" or model.model_fields[name].is_required()}
    try:
        return model.model_validate(kept)
    except ValidationError as error:
        raise invalid(model, error) from None


async def read_json(
    request: Request, model: type[Fields], max_bytes: int = JSON_BYTES, *, or_form: bool = False
) -> Fields:
    """A request's JSON document, at a route that takes a form too, or none. Raises `ApiError`."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise _unsupported(or_form)
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > max_bytes:
            accepted = f"at most {max_bytes} bytes"
            raise PayloadTooLarge(f"The request's body has more than {max_bytes} bytes.", accepted=accepted)
    # A large one takes longer than the event loop has.
    return await run_in_threadpool(parse_json, model, bytes(body))


def _unsupported(or_form: bool) -> UnsupportedMediaType:
    if or_form:
        detail = "The request's body is neither JSON nor a multipart form."
        return UnsupportedMediaType(detail, accepted="application/json, or multipart/form-data")
    return UnsupportedMediaType("The request's body is not JSON.", accepted="application/json")


def parse_json(model: type[Fields], document: bytes) -> Fields:
    """Raises `InvalidField`, `MalformedJson`."""
    try:
        return model.model_validate_json(document)
    except ValidationError as error:
        raise invalid(model, error) from None


def invalid(model: type[BaseModel], error: ValidationError) -> ApiError:
    """The client's first mistake, and what would be accepted in its place."""
    first = error.errors(include_input=False)[0]
    if not first["loc"]:
        return MalformedJson(f"The JSON cannot be read: {first['msg']}.", accepted="a JSON object")
    name = str(first["loc"][0])[:64]
    if first["type"] == "extra_forbidden":
        return InvalidField(f"There is no field `{name}`.", field=name, accepted=", ".join(model.model_fields))
    message = first["msg"].removeprefix("Value error, ")
    detail = f"`{name}` is missing." if first["type"] == "missing" else f"`{name}`: {message}."
    return InvalidField(detail, field=name, accepted=accepted_field(model, name))
