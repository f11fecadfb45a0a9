"""`timbre voices`: the recordings that are kept to be spoken with again."""

from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any

import typer

from services.cli import console
from services.cli.client import connected, reading_recordings
from services.cli.errors import CliError
from timbre_client import InvalidId, NotFoundError, Timbre, Voice

app = typer.Typer(help="Store, list, show and delete voices.", no_args_is_help=True)

_HINT = "`timbre voices list` shows what is stored."

NameOrId = Annotated[str, typer.Argument(help="The voice's name or id.", metavar="VOICE")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command()
def add(
    name: Annotated[str, typer.Argument(help="What to call it; none of your voices has the same name.")],
    *,
    sample: Annotated[Path, typer.Option("--sample", "-s", help="A few seconds of the voice.", dir_okay=False)],
    consent: Annotated[str, typer.Option(help='On whose word it may be used: "It is my own voice."')],
    consent_recording: Annotated[
        Path | None, typer.Option(help="A recording of somebody saying so.", dir_okay=False)
    ] = None,
    ref_text: Annotated[str | None, typer.Option(help="What is said in the sample; left out: recognised.")] = None,
    language: Annotated[str | None, typer.Option(help="What is spoken: en, de-AT, ….")] = None,
    label: Annotated[list[str] | None, typer.Option(help="A note, as NAME=TEXT; may be given again.")] = None,
    as_json: AsJson = False,
) -> None:
    """Store a voice, and say what is good and bad in its sample."""
    labels = _labels(label)
    with connected() as client, reading_recordings():
        voice = client.voices.create(
            name,
            sample=sample,
            consent=consent,
            consent_recording=consent_recording,
            ref_text=ref_text,
            language=language,
            labels=labels,
        )
    if as_json:
        console.print_json(voice.raw)
        return
    console.out.print(f"{voice.name} is stored, as {voice.voice_id}.", markup=False)
    _print_advice(voice)


@app.command("list")
def list_voices(
    limit: Annotated[int, typer.Option(min=1, max=100, help="How many, newest first.")] = 20,
    cursor: Annotated[str | None, typer.Option(help="Where an earlier list ended.")] = None,
    as_json: AsJson = False,
) -> None:
    """List voices, newest first."""
    with connected() as client:
        page = client.voices.page(limit=limit, cursor=cursor)
    if as_json:
        console.print_json(page.raw)
        return
    if page.items:
        console.out.print(_row("voice", "created", "sample", "language", "name"), style="dim", markup=False)
    else:
        console.out.print("No voices.")
    for voice in page.items:
        length = f"{voice.sample.duration_s:.1f} s"
        row = _row(voice.voice_id, console.moment(voice.created_at), length, voice.language or "", voice.name)
        console.out.print(row, markup=False)
    if page.next_cursor:
        console.err.print(f"[dim]More: timbre voices list --cursor {page.next_cursor}[/dim]")


@app.command()
def show(voice: NameOrId, as_json: AsJson = False) -> None:
    """Show one voice, and what was found in its sample."""
    with connected() as client:
        found = find_voice(client, voice)
    if as_json:
        console.print_json(found.raw)
        return
    console.print_facts(_facts(found))
    _print_advice(found)


@app.command()
def delete(
    voice: NameOrId,
    with_jobs: Annotated[bool, typer.Option("--with-jobs", help="All that was made with it too.")] = False,
) -> None:
    """Delete a voice with its recordings."""
    with connected() as client:
        found = find_voice(client, voice)
        client.voices.delete(found, delete_jobs=with_jobs)
    console.out.print(f"{found.name} is deleted.", markup=False)


def find_voice(client: Timbre, name_or_id: str) -> Voice:
    """The voice of this id, else of this name, as the API reads it. Raises `CliError` where there is neither."""
    check_named(name_or_id)
    with suppress(NotFoundError, InvalidId):
        return client.voices.get(name_or_id)
    if named := client.voices.page(limit=1, name=name_or_id).items:
        return named[0]
    raise unknown_voice(name_or_id)


def check_named(name_or_id: str) -> None:
    """Raises `CliError` for what names nothing."""
    if not name_or_id.strip():
        raise CliError("The voice's name is empty.", hint=_HINT)


def unknown_voice(name_or_id: str) -> CliError:
    return CliError(f"You have no voice `{name_or_id}`.", hint=_HINT)


def _labels(given: list[str] | None) -> dict[str, str] | None:
    if not given:
        return None
    pairs = [label.partition("=") for label in given]
    if not all(separator for _, separator, _ in pairs):
        raise CliError("A label is NAME=TEXT.", hint='For example: --label "mood=calm"')
    return {name: text for name, _, text in pairs}


def _print_advice(voice: Voice) -> None:
    for line in voice.report.advice:
        console.err.print(f"- {line}", markup=False)


def _row(voice_id: str, created: str, sample: str, language: str, name: str) -> str:
    return f"{voice_id:<32}  {created:<19}  {sample:>7}  {language:<8}  {name}"


def _facts(voice: Voice) -> list[tuple[str, str]]:
    report = voice.report
    clipped = f", {report.clipped_share:.1%} clipped" if report.clipped_share else ""
    known: list[tuple[str, Any]] = [
        ("voice", voice.voice_id),
        ("name", voice.name),
        ("created", console.moment(voice.created_at)),
        ("language", voice.language),
        ("labels", ", ".join(f"{name}={text}" for name, text in voice.labels.items())),
        ("transcript", voice.ref_text),
        ("consent", voice.consent.statement),
        ("sample", f"{voice.sample.duration_s:.1f} s at {voice.sample.sample_rate} Hz"),
        ("followed", f"{report.used_s:.1f} s, {report.cut_s:.1f} s cut, {report.trimmed_s:.1f} s trimmed"),
        ("sound", f"{report.level_db:.0f} dB, {report.snr_db:.0f} dB above noise{clipped}"),
    ]
    return [(name, str(value)) for name, value in known if value]
