"""`timbre keys`: API keys, of which the server only ever sees the hash."""

import hashlib
import re
import secrets
from typing import Annotated

import typer

from services.cli import console
from services.cli.errors import CliError

app = typer.Typer(help="Make API keys.", no_args_is_help=True)

KEY_BYTES = 32
#: What callers without a key are called.
ANONYMOUS = "anonymous"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


@app.callback()
def keys() -> None:
    """Keeps `new` a command of its own: Typer folds a group of one into its only command."""


@app.command()
def new(name: Annotated[str, typer.Argument(help="Who will use it; jobs belong to this name.")]) -> None:
    """Make a key. It is shown once; the server is given its hash."""
    if not NAME.fullmatch(name) or name == ANONYMOUS:
        raise CliError(
            f"A key's name has letters, digits, `_`, `.` and `-` only, at most 64, and is not {ANONYMOUS!r}."
        )
    key = f"tmb_{secrets.token_urlsafe(KEY_BYTES)}"
    console.err.print("The key, shown this once:")
    console.out.print(key, markup=False)
    console.err.print("\nWhat the server is given; separate several by commas:")
    console.out.print(f"API_KEYS={name}={hashlib.sha256(key.encode()).hexdigest()}", markup=False)
