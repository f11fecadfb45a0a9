"""`timbre settings`: every setting there is."""

from typing import Annotated

import typer
from rich.table import Table

from services.cli import console
from services.cli.settings_reference import dotenv, entries, markdown


def settings(
    as_markdown: Annotated[bool, typer.Option("--markdown", help="Print the documentation's page.")] = False,
    as_dotenv: Annotated[bool, typer.Option("--dotenv", help="Print a file to fill in.")] = False,
) -> None:
    """List every setting with its default and its meaning."""
    if as_markdown or as_dotenv:
        console.out.print(markdown() if as_markdown else dotenv(), markup=False, end="")
        return
    table = Table("variable", "default", "meaning", box=None, header_style="dim")
    for entry in entries():
        table.add_row(entry.variable, "[dim]required[/dim]" if entry.default is None else entry.default, entry.meaning)
    console.out.print(table, soft_wrap=False)
