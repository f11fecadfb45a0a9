"""Every setting with its meaning, read out of the classes of settings and the comments above their fields."""

import inspect
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic.fields import FieldInfo

from services.shared.settings import SECTIONS
from services.shared.settings.section import Section

FIELD = re.compile(r"(?P<name>[a-z][a-z0-9_]*): ")
COMMENT = "#: "


@dataclass(frozen=True)
class Entry:
    section: str
    variable: str
    #: As one would write it in the environment; None: it has to be set.
    default: str | None
    meaning: str


def entries() -> list[Entry]:
    """In the order of the classes."""
    return [entry for section in SECTIONS for entry in _entries_of(section)]


def _entries_of(section: type[Section]) -> Iterator[Entry]:
    comment: list[str] = []
    for line in map(str.strip, inspect.getsource(section).splitlines()):
        if line.startswith(COMMENT):
            comment.append(line.removeprefix(COMMENT))
        elif (field := FIELD.match(line)) and field["name"] in section.model_fields:
            info = section.model_fields[field["name"]]
            yield Entry(section.TITLE, field["name"].upper(), _default(info), " ".join(comment))
            comment = []


def markdown() -> str:
    """The reference page of the documentation."""
    lines = [
        "# Settings",
        "",
        "All of them are environment variables; a wrong value is refused at start, by name.",
        "",
        "<!-- Made by `timbre settings --markdown`; a test holds it in step with the code. -->",
    ]
    section = None
    for entry in entries():
        if entry.section != section:
            section = entry.section
            title = section if section.isupper() else section.capitalize()
            lines += ["", f"## {title}", "", "| Variable | Default | Meaning |", "|---|---|---|"]
        lines.append(f"| `{entry.variable}` | {_cell(entry.default)} | {entry.meaning.replace('|', chr(92) + '|')} |")
    return "\n".join(lines) + "\n"


def dotenv() -> str:
    """`.env.example`: every setting, commented out at its default."""
    lines = [
        "# Timbre's settings, explained in docs/settings.md. Made by `timbre settings --dotenv`.",
        "# To use: copy it to .env, take the # from what you set, then `set -a; . ./.env; set +a; timbre up`.",
    ]
    section = None
    for entry in entries():
        if entry.section != section:
            section = entry.section
            lines += ["", f"# {section}"]
        lines.append(f"#{entry.variable}={entry.default or ''}")
    return "\n".join(lines) + "\n"


def _default(info: FieldInfo) -> str | None:
    return None if info.is_required() else _plain(info.get_default(call_default_factory=True))


def _plain(value: Any) -> str:
    if value is None or value in ((), {}):
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Path):
        return value.as_posix()
    return f"{value:g}" if isinstance(value, float) else str(value)


def _cell(default: str | None) -> str:
    if default is None:
        return "*required*"
    return f"`{default}`" if default else ""
