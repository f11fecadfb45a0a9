"""What would be accepted, in words, read off the schema of a field or parameter."""

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Final

from fastapi import Request
from fastapi.routing import APIRoute
from pydantic import BaseModel, TypeAdapter

_KINDS: Final = {
    "boolean": "true or false",
    "object": "an object of texts",
    "array": "a list",
    "bcp-47": "a BCP 47 language tag, as en or de-AT",
    "application/json": "a JSON object of texts",
    "date-time": "a moment with its time zone, as 2031-01-01T00:00:00Z",
}


def accepted_field(model: type[BaseModel], name: str) -> str:
    """Of a form or document."""
    return _words(model.model_json_schema()["properties"][name])


def accepted_parameter(request: Request, name: str) -> str | None:
    """Of a request's query, path or headers; None where its route has no such one."""
    route = request.scope.get("route")
    found = next((one for one in _parameters(route) if one.alias == name), None)
    if found is None:
        return None
    kind: Any = Annotated[found.field_info.annotation, found.field_info]
    return _words(TypeAdapter(kind).json_schema())


def _parameters(route: Any) -> Iterable[Any]:
    if not isinstance(route, APIRoute):
        return ()
    asked = route.dependant
    return (*asked.path_params, *asked.query_params, *asked.header_params)


def _words(schema: Mapping[str, Any]) -> str:
    kinds = schema.get("anyOf", [schema])[0]
    if "$ref" in kinds:
        kinds = schema["$defs"][kinds["$ref"].rpartition("/")[2]]
    if "enum" in kinds:
        return "one of " + ", ".join(map(str, kinds["enum"]))
    if "minimum" in kinds:
        whole = "a whole number" if kinds["type"] == "integer" else "a number"
        return f"{whole} from {kinds['minimum']:g} to {kinds['maximum']:.10g}"
    if "enum" in kinds.get("items", {}):
        return "a list of " + ", ".join(map(str, kinds["items"]["enum"]))
    if "properties" in kinds:
        return "a JSON object"
    return _KINDS.get(kinds.get("contentMediaType") or kinds.get("format") or kinds["type"], _text(kinds))


def _text(kinds: Mapping[str, Any]) -> str:
    return f"text of at most {kinds['maxLength']} characters" if "maxLength" in kinds else "text"
