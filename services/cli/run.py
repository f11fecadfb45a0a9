"""Runs the supervisor in this process, from lock to clean end."""

import os
import signal
from collections.abc import Callable
from pathlib import Path

from rich.text import Text

import f5_tts_core
import services
from services.cli import console, probes, record
from services.cli.errors import CliError
from services.cli.home import Home
from services.cli.logs import PartLog, RotatingLog
from services.cli.part import Child, Part
from services.cli.processes import ProcessRef, end
from services.cli.record import StackRecord
from services.cli.reload import SourceWatch
from services.cli.stack import Plan, plan
from services.cli.supervisor import StackError, Supervisor

ORPHAN_GRACE_SECONDS = 30.0
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
#: Names' colors on a terminal.
COLORS = {"api": "green", "worker": "cyan", "control": "magenta"}


def run(home: Home, *, reload: bool, echo: bool, on_ready: Callable[[StackRecord], None]) -> None:
    """Start the stack, keep it alive, and come back once it was stopped. Raises `CliError` when it cannot live."""
    with record.sole_supervisor(home):
        _clear_orphans(home)
        planned = plan(home, os.environ, Path.cwd())
        if silent := probes.silent_servers(planned.settings, os.environ):
            raise CliError(" ".join(silent))
        log = RotatingLog(home.log)
        children = [Child(part, PartLog(part.name, log, _echo_of(part) if echo else None)) for part in planned.parts]
        reporter = Reporter(home, planned, on_ready)
        supervisor = Supervisor(children, reporter, _source_check() if reload else lambda: False)
        for number in STOP_SIGNALS:
            signal.signal(number, lambda *_: supervisor.request_stop())
        try:
            supervisor.run()
        except StackError as error:
            raise CliError(str(error), hint=f"The whole log: {home.log}") from error
        finally:
            log.close()
        record.forget(home)


class Reporter:
    """Writes the stack's record after every change, and says once that it is ready."""

    def __init__(self, home: Home, planned: Plan, on_ready: Callable[[StackRecord], None]) -> None:
        self._home = home
        self._plan = planned
        self._on_ready = on_ready
        self._me = ProcessRef.of(os.getpid())
        self._was_ready = False

    def __call__(self, supervisor: Supervisor) -> None:
        parts = tuple(child.record() for child in supervisor.children)
        stack = StackRecord(supervisor.phase, self._me, self._plan.api_url, supervisor.message, parts)
        try:
            record.save(self._home, stack)
        except OSError as error:
            console.err.print(f"{self._home.record} cannot be written: {error.strerror}.", markup=False)
        if supervisor.phase == "ready" and not self._was_ready:
            self._was_ready = True
            self._on_ready(stack)


def _clear_orphans(home: Home) -> None:
    """End what an earlier supervisor, itself killed, could not: the lock says that it is gone."""
    stack = record.load(home)
    if stack is not None and end(stack.processes, ORPHAN_GRACE_SECONDS):
        console.err.print("[dim]Cleared what an earlier run had left behind.[/dim]")
    record.forget(home)


def _echo_of(part: Part) -> Callable[[str, str], None] | None:
    """Our own parts speak on the terminal; the servers' chatter is for the file."""
    if not part.ours:
        return None
    return lambda name, line: console.err.print(Text.assemble((f"{name:<9}", COLORS.get(name, "dim")), " | ", line))


def _source_check() -> Callable[[], bool]:
    roots = [Path(package.__path__[0]) for package in (services, f5_tts_core)]
    return SourceWatch(roots).changed
