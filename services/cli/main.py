"""The `timbre` command."""

import sys
from importlib.metadata import version
from typing import Annotated

import typer

from services.cli import console
from services.cli.commands import doctor, jobs, keys, metrics, say, settings, stack, voices
from services.cli.errors import CliError

app = typer.Typer(
    help="Timbre speaks your text in the voice of a recording.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for command in (stack.up, stack.down, stack.status, say.say, doctor.doctor, settings.settings, metrics.metrics):
    app.command()(command)
app.add_typer(jobs.app, name="jobs")
app.add_typer(voices.app, name="voices")
app.add_typer(keys.app, name="keys")


def _print_version(wanted: bool) -> None:
    if wanted:
        console.out.print(f"timbre {version('timbre')}")
        raise typer.Exit


@app.callback()
def timbre(
    show_version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """Options that stand before any command."""


def main() -> None:
    """Run the command; what went wrong is one line, and one more with the way out."""
    try:
        app()
    except CliError as error:
        console.err.print(f"error: {error.message}", style="red", markup=False)
        if error.hint:
            console.err.print(error.hint, markup=False)
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
