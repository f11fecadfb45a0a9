"""`timbre jobs`: what was asked for, and what became of it."""

from collections.abc import Iterable
from typing import Annotated, Any

import typer
from rich.text import Text

from services.cli import console
from services.cli.client import connected
from timbre_client import Job, JobStatus

app = typer.Typer(help="List, show, cancel and delete jobs.", no_args_is_help=True)

JobId = Annotated[str, typer.Argument(help="The job's id.", metavar="JOB")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
COLORS = {"succeeded": "green", "failed": "red", "processing": "cyan", "queued": "yellow"}


@app.command("list")
def list_jobs(
    limit: Annotated[int, typer.Option(min=1, max=100, help="How many, newest first.")] = 20,
    status: Annotated[JobStatus | None, typer.Option(help="Only those.")] = None,
    cursor: Annotated[str | None, typer.Option(help="Where an earlier list ended.")] = None,
    as_json: AsJson = False,
) -> None:
    """List jobs, newest first."""
    with connected() as client:
        page = client.jobs.page(limit=limit, status=status, cursor=cursor)
    if as_json:
        console.print_json(page.raw)
        return
    if page.items:
        _print_table(page.items)
    else:
        console.out.print("No jobs.")
    if page.next_cursor:
        console.err.print(f"[dim]More: timbre jobs list --cursor {page.next_cursor}[/dim]")


@app.command()
def show(job_id: JobId, as_json: AsJson = False) -> None:
    """Show one job, with a fresh link to its audio."""
    with connected() as client:
        job = client.jobs.get(job_id)
    if as_json:
        console.print_json(job.raw)
        return
    console.print_facts(_facts(job))


@app.command()
def cancel(job_id: JobId) -> None:
    """Cancel a job that waits or runs."""
    with connected() as client:
        job = client.jobs.cancel(job_id)
    console.out.print(f"{job_id} is {'canceled' if job.status == 'canceled' else 'being canceled'}.")


@app.command()
def delete(job_id: JobId) -> None:
    """Delete a job and its audio."""
    with connected() as client:
        client.jobs.delete(job_id)
    console.out.print(f"{job_id} is deleted.")


def _print_table(jobs: Iterable[Job]) -> None:
    """All but the text stands whole, however narrow the terminal: ids are for copying."""
    console.out.print(_row("job", "status", "created", "audio", "text"), style="dim", markup=False)
    for job in jobs:
        text = " ".join(job.input.text.split())
        row = _row(job.job_id, job.status, console.moment(job.created_at), _length(job), text)
        console.out.print(Text(row, style=COLORS.get(job.status, "dim")))


def _row(job_id: str, status: str, created: str, audio: str, text: str) -> str:
    fixed = f"{job_id:<32}  {status:<10}  {created:<19}  {audio:>6}  "
    room = max(20, console.out.width - len(fixed))
    return fixed + (text if len(text) <= room else f"{text[: room - 1]}…")


def _facts(job: Job) -> list[tuple[str, str]]:
    known: list[tuple[str, Any]] = [
        ("job", job.job_id),
        ("status", job.status),
        ("created", console.moment(job.created_at)),
        ("progress", f"{100 * job.progress:.0f}%"),
        ("text", job.input.text),
        ("audio", _length(job)),
        ("error", job.error and (job.error.detail or job.error.title)),
        ("url", job.result_url),
    ]
    return [(name, str(value)) for name, value in known if value]


def _length(job: Job) -> str:
    return f"{job.output.duration_s:.1f} s" if job.output else ""
