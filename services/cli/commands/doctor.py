"""`timbre doctor`: what this machine has, what is wrong with it, and what to do."""

from typing import Annotated, Literal

import typer

from services.cli import console
from services.cli.checks import Finding, examine
from services.cli.home import Home

Mark = Literal["ok", "note", "wrong"]
MARKS: dict[Mark, str] = {"ok": "[green]✓[/]", "note": "[yellow]•[/]", "wrong": "[red]✗[/]"}


def doctor(as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Examine this machine. Exit code 1 if something is wrong."""
    with console.err.status("Looking …"):
        findings = examine(Home.find())
    if as_json:
        console.print_json([vars(finding) for finding in findings])
    else:
        for finding in findings:
            _show(finding)
    if any(finding.mark == "wrong" for finding in findings):
        raise typer.Exit(1)


def _show(finding: Finding) -> None:
    console.out.print(f"{MARKS[finding.mark]} [bold]{finding.name:<10}[/] ", end="")
    console.out.print(finding.said, markup=False)
    if finding.remedy:
        console.out.print(f"  {'':<10} → {finding.remedy}", markup=False, style="dim")
