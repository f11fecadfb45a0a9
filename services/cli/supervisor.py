"""Keeps the parts of the stack alive: starts them in order, restarts what dies, stops them the other way round.

One thread and one loop. Every turn looks at each child once; nothing in it waits for a child.
"""

import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from services.cli.part import Child

Clock = Callable[[], float]
Sleep = Callable[[float], None]
#: Told after every change of a child's state, or of the whole stack's phase.
OnChange = Callable[["Supervisor"], None]

TURN_SECONDS = 0.1
Phase = Literal["starting", "ready", "stopping", "failed"]


class StackError(Exception):
    """A part cannot be kept alive. The message names it and ends with its last lines."""


@dataclass
class Supervisor:
    children: Sequence[Child]
    on_change: OnChange
    #: Asked every turn: whether our sources changed (`--reload`).
    sources_changed: Callable[[], bool] = lambda: False
    clock: Clock = time.monotonic
    sleep: Sleep = time.sleep
    phase: Phase = "starting"
    message: str = ""
    _stop_requests: int = field(default=0, init=False)

    def request_stop(self) -> None:
        """Stop cleanly; asked twice, at once. Safe to call from a signal handler."""
        self._stop_requests += 1

    def run(self) -> None:
        """Until a stop is requested. Raises `StackError`; either way no child is left behind."""
        try:
            while not self._stop_requests:
                self.turn()
                self.sleep(TURN_SECONDS)
        except StackError as error:
            self.message = str(error)
            raise
        finally:
            self.stop()

    def turn(self) -> None:
        for child in self.children:
            child.drain()
            if child.process is None:
                self._start_if_due(child)
            elif (code := child.exit_code()) is not None:
                self._after_death(child, f"it ended with {_describe(code)}")
            elif child.state == "starting":
                self._check_ready(child)
        if self.sources_changed():
            self._restart_ours()
        if self.phase == "starting" and all(child.state == "ready" for child in self.children):
            self._enter("ready")

    def stop(self) -> None:
        """End all children, dependants first; those that take too long, or once asked twice, are killed."""
        failed = bool(self.message)
        self._enter("stopping")
        while living := [child for child in self.children if child.process is not None]:
            needed = {name for child in living for name in child.part.needs}
            self._stop_together([child for child in living if child.part.name not in needed])
        self._enter("failed" if failed else "stopping")

    # --- one child ------------------------------------------------------------------------------

    def _start_if_due(self, child: Child) -> None:
        ready = {other.part.name for other in self.children if other.state == "ready"}
        if self.clock() >= child.due and ready.issuperset(child.part.needs):
            try:
                child.start(self.clock())
            except OSError as error:
                raise StackError(f"{child.part.name} cannot be started: {error}") from error
            self.on_change(self)

    def _check_ready(self, child: Child) -> None:
        if child.part.probe(child.started_at):
            child.state = "ready"
            child.policy.proven = True
            self.on_change(self)
        elif self.clock() > child.deadline:
            child.signal(signal.SIGKILL)
            if child.process is not None:
                child.process.wait()
            self._after_death(child, f"it was not ready after {child.part.start_seconds:.0f} s")

    def _after_death(self, child: Child, reason: str) -> None:
        child.bury()
        delay = child.policy.delay_after_death(self.clock())
        if delay is None:
            child.state = "stopped"
            last = "\n".join(f"  {line}" for line in child.log.tail)
            raise StackError(f"{child.part.name} does not stay up: {reason}. Its last lines:\n{last}")
        child.state = "restarting"
        child.restarts += 1
        child.due = self.clock() + delay
        self.on_change(self)

    # --- many children --------------------------------------------------------------------------

    def _restart_ours(self) -> None:
        ours = [child for child in self.children if child.part.ours and child.process is not None]
        self._stop_together(ours)
        for child in ours:
            child.state = "restarting"
        self.on_change(self)

    def _stop_together(self, children: Sequence[Child]) -> None:
        """Signal all, then wait for all."""
        started = self.clock()
        killed: set[str] = set()
        for child in children:
            child.signal(signal.SIGTERM)
        while waiting := [child for child in children if child.exit_code() is None and child.process is not None]:
            for child in waiting:
                child.drain()
                overdue = self._stop_requests > 1 or self.clock() - started > child.part.stop_seconds
                if overdue and child.part.name not in killed:
                    child.signal(signal.SIGKILL)
                    killed.add(child.part.name)
            self.sleep(TURN_SECONDS / 2)
        for child in children:
            child.bury()
            child.state = "stopped"
        self.on_change(self)

    def _enter(self, phase: Phase) -> None:
        self.phase = phase
        self.on_change(self)


def _describe(code: int) -> str:
    """A `Popen` return code in words."""
    return f"exit code {code}" if code >= 0 else signal.Signals(-code).name
