"""The two streams: results go to `out`, everything said about the work goes to `err`."""

import json

from rich.console import Console

out = Console(highlight=False, soft_wrap=True, emoji=False)
err = Console(stderr=True, highlight=False, soft_wrap=True, emoji=False)


def print_json(document: object) -> None:
    """For programs: never colored, whatever the environment asks for."""
    out.out(json.dumps(document, indent=2, ensure_ascii=False), highlight=False)
