"""Answers as dataclasses: what is new in a later server is skipped, what an earlier one lacks has a default."""

from collections.abc import Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from datetime import datetime
from functools import cache
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from timbre_client.errors import UnexpectedAnswer

T = TypeVar("T")


def decode(kind: type[T], document: object) -> T:
    """Raises `UnexpectedAnswer`. A field `raw` holds the document as it came."""
    if not isinstance(document, dict):
        raise UnexpectedAnswer(f"The answer is no {kind.__name__}: check the server's address.")
    hints = _hints(kind)  # type: ignore[arg-type]  # a class can be hashed
    members = {one.name: one for one in fields(kind)}  # type: ignore[arg-type]  # only dataclasses are asked for
    values = {name: _value(hints[name], document, one) for name, one in members.items() if _given(one, document)}
    if "raw" in members:
        values["raw"] = document
    return kind(**values)


def _given(field: Field[Any], document: Mapping[str, object]) -> bool:
    optional = field.default is not MISSING or field.default_factory is not MISSING
    return field.name != "raw" and (field.name in document or not optional)


def _value(hint: Any, document: Mapping[str, object], field: Field[Any]) -> Any:
    try:
        return _convert(hint, document[field.name])
    except (KeyError, ValueError, TypeError) as error:
        raise UnexpectedAnswer(f"The answer has no `{field.name}` as Timbre has it.") from error


def _convert(hint: Any, value: Any) -> Any:
    origin, options = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        return None if value is None else _convert(next(one for one in options if one is not NoneType), value)
    if is_dataclass(hint):
        return decode(hint, value)  # type: ignore[arg-type]  # an instance is no hint
    if hint is datetime:
        return datetime.fromisoformat(value)
    if origin is tuple:
        return tuple(_convert(options[0], one) for one in value)
    if origin is Mapping:
        return {name: _convert(options[1], one) for name, one in value.items()}
    # A later server may know more words than a `Literal` has.
    return _hold(str if origin is Literal else hint, value)


def _hold(kind: type[T], value: object) -> T:
    """JSON writes whole floats without a point."""
    if kind is float and type(value) is int:
        return kind(value)  # type: ignore[call-arg]
    if type(value) is not kind:
        raise TypeError(kind.__name__)
    return value


@cache
def _hints(kind: Any) -> dict[str, Any]:
    return get_type_hints(kind)
