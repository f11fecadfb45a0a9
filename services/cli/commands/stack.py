"""`timbre up`, `down` and `status`: the whole stack on this machine."""

import subprocess
import sys
import time
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from services.cli import console, record
from services.cli.errors import CliError
from services.cli.home import Home
from services.cli.processes import end, wait_gone
from services.cli.record import PartRecord, StackRecord
from services.cli.run import run

START_SECONDS = 660.0
#: SeaweedFS may take half a minute, and a worker its grace.
STOP_SECONDS = 90.0
ORPHAN_GRACE_SECONDS = 30.0
POLL_SECONDS = 0.1
COLORS = {"ready": "green", "starting": "cyan", "waiting": "dim", "restarting": "yellow", "stopped": "red"}


def up(
    detach: Annotated[bool, typer.Option("--detach", "-d", help="Come back once everything is ready.")] = False,
    reload: Annotated[bool, typer.Option("--reload", help="Restart API and worker when their sources change.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Log to the file alone.")] = False,
) -> None:
    """Start the whole stack: Valkey, object store, control, worker and API."""
    home = Home.find()
    home.prepare()
    if detach:
        _announce(_detach(home, reload=reload))
    else:
        run(home, reload=reload, echo=not quiet, on_ready=_announce)


def down() -> None:
    """Stop the stack, and whatever a killed one left behind."""
    home = Home.find()
    stack = record.load(home)
    if stack is None:
        console.out.print("Nothing is running here.")
        return
    supervisor = stack.supervisor.find()
    if supervisor is not None:
        with console.err.status("Stopping …"):
            supervisor.terminate()
            wait_gone([stack.supervisor], STOP_SECONDS)
    # A supervisor that hangs goes first, or it would start again what we end.
    end([stack.supervisor], grace_seconds=0)
    orphans = end(stack.processes, ORPHAN_GRACE_SECONDS)
    record.forget(home)
    console.out.print(f"Stopped{_left_over(len(orphans))}.")


def status(as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Show what runs. Exit code 1 unless all of it is ready."""
    home = Home.find()
    stack = record.load(home)
    alive = stack is not None and stack.supervisor.alive
    if as_json:
        console.print_json(asdict(stack) if stack is not None and alive else {"phase": "stopped"})
    elif stack is None or not alive:
        console.out.print("Nothing is running here.")
        _mention_failure(stack)
    else:
        console.out.print(_table(stack))
        console.out.print(f"\nThe stack is {_condition(stack)}. Log: {home.log}", markup=False)
    if stack is None or not alive or _condition(stack) != "ready":
        raise typer.Exit(1)


def _condition(stack: StackRecord) -> str:
    """Its phase, unless a part of a ready stack is away."""
    limping = stack.phase == "ready" and any(part.state != "ready" for part in stack.parts)
    return "not whole: a part is being restarted" if limping else stack.phase


def _detach(home: Home, *, reload: bool) -> StackRecord:
    """Start a supervisor of its own session and wait until it reports ready. Raises `CliError` if it fails."""
    if record.running(home) is not None:
        raise CliError("Timbre is already running here.", hint="`timbre status` shows it.")
    argv = [sys.executable, "-P", "-m", "services.cli.main", "up", "--quiet", *(["--reload"] if reload else [])]
    said = home.logs / "up.log"
    with said.open("wb") as output:
        process = subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )
    try:
        with console.err.status("Starting …"):
            return _wait_ready(home, process, said)
    except BaseException:
        process.terminate()
        raise


def _wait_ready(home: Home, process: "subprocess.Popen[bytes]", said: Path) -> StackRecord:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise CliError(said.read_text(errors="replace").strip().removeprefix("error: ") or "The supervisor ended.")
        stack = record.load(home)
        if stack is not None and stack.supervisor.pid == process.pid and stack.phase == "ready":
            # It lives on without us: nothing of it is ours to wait for.
            process.returncode = 0
            return stack
        time.sleep(POLL_SECONDS)
    raise CliError(f"Not ready after {START_SECONDS:.0f} s.", hint=f"See {home.log}.")


def _announce(stack: StackRecord) -> None:
    console.out.print(f"Timbre is ready at {stack.api_url}  (API documentation: {stack.api_url}/docs)", markup=False)


def _left_over(count: int) -> str:
    if not count:
        return ""
    return f", with {count} processes that were left over" if count > 1 else ", with 1 process that was left over"


def _mention_failure(stack: StackRecord | None) -> None:
    if stack is not None and stack.phase == "failed":
        console.out.print(f"The last one failed: {stack.message}", markup=False)


def _table(stack: StackRecord) -> Table:
    table = Table("part", "state", "pid", "since", "memory", "restarts", "address", box=None, header_style="dim")
    for part in stack.parts:
        table.add_row(*_row(part))
    return table


def _row(part: PartRecord) -> tuple[str, ...]:
    process = part.process.find() if part.process else None
    since = datetime.fromtimestamp(part.process.created, UTC).astimezone().strftime("%H:%M:%S") if part.process else ""
    memory = f"{process.memory_info().rss / 2**20:.0f} MB" if process else ""
    state = f"[{COLORS.get(part.state, 'dim')}]{part.state}[/]"
    return (part.name, state, str(process.pid) if process else "", since, memory, str(part.restarts), part.address)
