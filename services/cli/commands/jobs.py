"""`timbre jobs`: what was asked for, and what became of it."""

from typing import Annotated, Any, Literal

import typer
from rich.text import Text

from services.cli import console
from services.cli.client import Job, connected

app = typer.Typer(help="List, show, cancel and delete jobs.", no_args_is_help=True)

Status = Literal["queued", "processing", "succeeded", "failed", "canceled", "expired"]
JobId = Annotated[str, typer.Argument(help="The job's id.", metavar="JOB")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
COLORS = {"succeeded": "green", "failed": "red", "processing": "cyan", "queued": "yellow"}


@app.command("list")
def list_jobs(
    limit: Annotated[int, typer.Option(min=1, max=100, help="How many, newest first.")] = 20,
    status: Annotated[Status | None, typer.Option(help="Only those.")] = None,
    cursor: Annotated[str | None, typer.Option(help="Where an earlier list ended.")] = None,
    as_json: AsJson = False,
) -> None:
    """List jobs, newest first."""
    with connected() as client:
        page = client.jobs(limit=limit, status=status, cursor=cursor)
    if as_json:
        console.print_json(page)
        return
    if page["jobs"]:
        _print_table(page["jobs"])
    else:
        console.out.print("No jobs.")
    if page.get("next_cursor"):
        console.err.print(f"[dim]More: timbre jobs list --cursor {page['next_cursor']}[/dim]")


@app.command()
def show(job_id: JobId, as_json: AsJson = False) -> None:
    """Show one job, with a fresh link to its audio."""
    with connected() as client:
        job = client.job(job_id)
    if as_json:
        console.print_json(job)
        return
    console.print_facts(_facts(job))


@app.command()
def cancel(job_id: JobId) -> None:
    """Cancel a job that waits or runs."""
    with connected() as client:
        job = client.cancel(job_id)
    console.out.print(f"{job_id} is {'canceled' if job['status'] == 'canceled' else 'being canceled'}.")


@app.command()
def delete(job_id: JobId) -> None:
    """Delete a job and its audio."""
    with connected() as client:
        client.delete(job_id)
    console.out.print(f"{job_id} is deleted.")


def _print_table(jobs: list[Job]) -> None:
    """All but the text stands whole, however narrow the terminal: ids are for copying."""
    console.out.print(_row("job", "status", "created", "audio", "text"), style="dim", markup=False)
    for job in jobs:
        text = (job.get("input") or {}).get("text") or ""
        row = _row(
            job["job_id"], job["status"], console.moment(job["created_at"]), _length(job), " ".join(text.split())
        )
        console.out.print(Text(row, style=COLORS.get(job["status"], "dim")))


def _row(job_id: str, status: str, created: str, audio: str, text: str) -> str:
    fixed = f"{job_id:<32}  {status:<10}  {created:<19}  {audio:>6}  "
    room = max(20, console.out.width - len(fixed))
    return fixed + (text if len(text) <= room else f"{text[: room - 1]}…")


def _facts(job: Job) -> list[tuple[str, str]]:
    fault = job.get("error") or {}
    known: list[tuple[str, Any]] = [
        ("job", job["job_id"]),
        ("status", job["status"]),
        ("created", console.moment(job["created_at"])),
        ("progress", f"{100 * (job.get('progress') or 0):.0f}%"),
        ("text", (job.get("input") or {}).get("text")),
        ("audio", _length(job)),
        ("error", fault.get("detail") or fault.get("title")),
        ("url", job.get("result_url")),
    ]
    return [(name, str(value)) for name, value in known if value]


def _length(job: Job) -> str:
    output = job.get("output")
    return f"{output['duration_s']:.1f} s" if output else ""
