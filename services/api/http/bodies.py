"""Bodies of requests, as the OpenAPI document shows them, and as the page at `/docs` fills them in to be tried."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel


def request_body(
    document: type[BaseModel] | None = None,
    *,
    form: Mapping[str, Any] | None = None,
    example: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """For a route's `openapi_extra`: a JSON document, a form by its schema, or either.

    `example` is a document that can be sent; left out, it is the schema's own. Without one, pages make one up of the
    first example or the least value of every field, which together nobody can ask for.
    """
    content: dict[str, Any] = {}
    if document is not None:
        shown = {} if example is None else {"example": example}
        content["application/json"] = {"schema": document.model_json_schema(), **shown}
    if form is not None:
        content["multipart/form-data"] = {"schema": _left_blank(form)}
    return {"requestBody": {"required": True, "content": content}}


def _left_blank(form: Mapping[str, Any]) -> dict[str, Any]:
    """With an empty first example of what may be left out and has no default: sent empty, it counts as left out."""
    fields = form["properties"].items()
    return {**form, "properties": {name: _field(form, name, schema) for name, schema in fields}}


def _field(form: Mapping[str, Any], name: str, schema: Mapping[str, Any]) -> Mapping[str, Any]:
    is_needed = name in form.get("required", ()) or schema.get("default") is not None
    if is_needed or schema.get("format") == "binary":
        return schema
    return {**schema, "examples": ["", *schema.get("examples", ())]}
