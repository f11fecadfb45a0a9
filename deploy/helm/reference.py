"""`python -m deploy.helm.reference`: the chart's README and the schema of its values, made of values.yaml.

A value's meaning is the comment above it. A line `@schema {…}` there adds to what its type and default say.
"""

import copy
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from services.cli.settings_reference import entries

CHART: Final = Path(__file__).parent / "timbre"
PLACE: Final = "<!-- values -->\n"

#: What the chart sets itself, from values of its own: named in `settings` it would be there twice.
OURS: Final = frozenset(
    {"API_HOST", "API_PORT", "API_KEYS", "REQUIRE_AUTH", "ALLOW_ANONYMOUS", "WEBHOOK_SECRET", "REDIS_URL", "BROKER_URL"}
    | {"S3_ENDPOINT", "S3_PUBLIC_ENDPOINT", "S3_ACCESS_KEY", "S3_SECRET_KEY", "S3_BUCKET", "S3_REGION"}
    | {"S3_ENCRYPTION", "S3_KMS_KEY_ID", "PUBLIC_AUDIO_BASE_URL", "STOP_GRACE_SECONDS", "WORKER_PRIORITIES"}
    | {"SERVED_MODEL_NAME", "MODELS"}
    | {"METRICS_HOST", "API_METRICS_PORT", "WORKER_METRICS_PORT", "CONTROL_METRICS_PORT"}
)
_TYPES: Final = {str: "string", bool: "boolean", int: "integer", float: "number", list: "array", dict: "object"}


@dataclass(frozen=True)
class Value:
    """One key of values.yaml."""

    path: tuple[str, ...]
    default: Any
    meaning: str
    extra: dict[str, Any]
    #: Empty where the value is one whole: a scalar, a list, or an object written on one line.
    children: tuple["Value", ...]

    def leaves(self) -> Iterator["Value"]:
        if not self.children:
            yield self
        for child in self.children:
            yield from child.leaves()


def read_values(text: str) -> tuple[Value, ...]:
    """In the order of the file. Raises `ValueError` where a key has no comment."""
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    if not isinstance(root, yaml.MappingNode):
        raise ValueError("values.yaml holds no object")
    return _children(root, (), text.splitlines())


def schema(values: tuple[Value, ...]) -> dict[str, Any]:
    """JSON Schema, as Helm reads it: nothing is allowed that values.yaml does not have."""
    whole = _object(values)
    worker = next(value for value in values if value.path == ("worker",))
    pool = copy.deepcopy(schema_of(worker))
    name = {"type": "string", "pattern": "^[a-z0-9]([a-z0-9-]{0,18}[a-z0-9])?$", "description": "The pool's name."}
    pool |= {"properties": {"name": name, **pool["properties"]}, "required": ["name"]}
    # What a chart that has this one among its own hands down to it.
    whole["properties"]["global"] = {"type": "object", "description": "Values of a parent chart; none are read."}
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "Values of the chart timbre",
        **whole,
        "definitions": {"pool": pool, "settings": _settings(), "port": _port(), "modelFile": _model_file()}
        | {"variable": _variable()},
    }


def readme(template: str, values: tuple[Value, ...]) -> str:
    """The template with a table for every group of values in its place."""
    lines: list[str] = []
    for group in values:
        lines += [f"### `{group.path[0]}`", "", *([group.meaning, ""] if group.children else [])]
        lines += ["| Value | Default | Meaning |", "|---|---|---|", *map(_row, group.leaves()), ""]
    return template.replace(PLACE, "\n".join(lines).rstrip() + "\n")


def main() -> int:
    values = read_values((CHART / "values.yaml").read_text())
    (CHART / "values.schema.json").write_text(json.dumps(schema(values), indent=2, ensure_ascii=False) + "\n")
    (CHART / "README.md").write_text(readme((CHART / "README.tmpl.md").read_text(), values))
    return 0


def _children(node: yaml.MappingNode, path: tuple[str, ...], lines: list[str]) -> tuple[Value, ...]:
    return tuple(_value(key, value, (*path, str(key.value)), lines) for key, value in node.value)


def _value(key: yaml.Node, node: yaml.Node, path: tuple[str, ...], lines: list[str]) -> Value:
    meaning, extra = _comment(lines, key.start_mark.line)
    if not meaning:
        raise ValueError(f"{'.'.join(path)} has no comment")
    block = isinstance(node, yaml.MappingNode) and not node.flow_style
    children = _children(node, path, lines) if isinstance(node, yaml.MappingNode) and block else ()
    default = yaml.safe_load(yaml.serialize(node))
    return Value(path, default, meaning, extra, children)


def _comment(lines: list[str], number: int) -> tuple[str, dict[str, Any]]:
    """What stands right above the line: the words, and what `@schema` adds."""
    first = number
    while first and lines[first - 1].lstrip().startswith("#"):
        first -= 1
    comments = [line.strip().removeprefix("#").strip() for line in lines[first:number]]
    extra: dict[str, Any] = {}
    for comment in comments:
        if comment.startswith("@schema "):
            extra |= json.loads(comment.removeprefix("@schema "))
    return " ".join(comment for comment in comments if not comment.startswith("@schema ")), extra


def schema_of(value: Value) -> dict[str, Any]:
    described = {"description": value.meaning}
    if value.children:
        return described | _object(value.children)
    if "$ref" in value.extra:
        # Draft 7 knows nothing beside a reference.
        return described | {"allOf": [value.extra]}
    return described | {"type": _TYPES[type(value.default)]} | value.extra


def _object(values: tuple[Value, ...]) -> dict[str, Any]:
    return {
        "type": "object",
        "additionalProperties": False,
        "properties": {value.path[-1]: schema_of(value) for value in values},
    }


def _settings() -> dict[str, Any]:
    known = {
        entry.variable: {"type": ["string", "number", "boolean"], "description": entry.meaning}
        for entry in entries()
        if entry.variable not in OURS
    }
    return {"type": "object", "additionalProperties": False, "properties": known}


def _variable() -> dict[str, Any]:
    """One of a container's; what is a setting has its place elsewhere."""
    taken = sorted({entry.variable for entry in entries()})
    name = {"type": "string", "pattern": "^[A-Za-z_][A-Za-z0-9_]*$", "not": {"enum": taken}}
    return {
        "type": "object",
        "additionalProperties": False,
        "required": ["name"],
        "properties": {"name": name, "value": {"type": "string"}, "valueFrom": {"type": "object"}},
    }


def _port() -> dict[str, Any]:
    return {"type": "integer", "minimum": 1, "maximum": 65_535}


def _model_file() -> dict[str, Any]:
    return {
        "type": "object",
        "additionalProperties": False,
        "required": ["path", "url"],
        "properties": {
            # Names joined by slashes: nothing that leads out of the folder.
            "path": {"type": "string", "pattern": r"^[A-Za-z0-9_][A-Za-z0-9._-]*(/[A-Za-z0-9_][A-Za-z0-9._-]*)*$"},
            "url": {"type": "string", "pattern": "^https?://"},
            "sha256": {"type": "string", "pattern": "^[0-9a-f]{64}$"},
        },
    }


def _row(value: Value) -> str:
    default = "" if value.default in ("", None) else f"`{json.dumps(value.default, ensure_ascii=False)}`"
    return f"| `{'.'.join(value.path)}` | {default} | {value.meaning.replace('|', chr(92) + '|')} |"


if __name__ == "__main__":
    sys.exit(main())
