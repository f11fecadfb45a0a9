"""The two streams: results go to `out`, everything said about the work goes to `err`."""

import json
from collections.abc import Iterable
from datetime import datetime

from rich.console import Console

out = Console(highlight=False, soft_wrap=True, emoji=False)
err = Console(stderr=True, highlight=False, soft_wrap=True, emoji=False)


def print_json(document: object) -> None:
    """For programs: never colored, whatever the environment asks for."""
    out.out(json.dumps(document, indent=2, ensure_ascii=False), highlight=False)


def print_facts(facts: Iterable[tuple[str, str]]) -> None:
    """One line a fact, its name before it."""
    for name, value in facts:
        out.print(f"[dim]{name:<10}[/dim] ", end="")
        out.print(value, markup=False)


def moment(when: datetime) -> str:
    """As this machine's clock would show it."""
    return when.astimezone().strftime("%Y-%m-%d %H:%M:%S")
