"""A part of the stack: how it is started, when it counts as ready, and the one process that is it right now."""

import contextlib
import os
import signal
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from services.cli.logs import PartLog
from services.cli.processes import ProcessRef, signal_group, spawn
from services.cli.record import PartRecord, PartState
from services.cli.restarts import RestartPolicy

#: Asked again and again while a part starts, with the moment of its start (seconds since the epoch). Never raises.
Probe = Callable[[float], bool]


def always_ready(_started_at: float) -> bool:
    return True


@dataclass(frozen=True)
class Part:
    name: str
    argv: tuple[str, ...]
    env: Mapping[str, str] = field(repr=False)
    cwd: Path
    probe: Probe = always_ready
    #: Names of the parts that must be ready before this one starts, and that stop after it.
    needs: tuple[str, ...] = ()
    address: str = ""
    #: Made of our sources: started again when they change, if that was asked for.
    ours: bool = False
    start_seconds: float = 120.0
    stop_seconds: float = 30.0


@dataclass
class Child:
    """The part's process, over its restarts. Knows facts; what follows from them is the supervisor's."""

    part: Part
    log: PartLog
    state: PartState = "waiting"
    #: Not started before this moment on the supervisor's clock.
    due: float = 0.0
    deadline: float = 0.0
    started_at: float = 0.0
    restarts: int = 0
    policy: RestartPolicy = field(default_factory=RestartPolicy)
    process: subprocess.Popen[bytes] | None = None
    ref: ProcessRef | None = None

    def start(self, now: float) -> None:
        self.process = spawn(self.part.argv, env=self.part.env, cwd=self.part.cwd)
        self.ref = ProcessRef.of(self.process.pid)
        self.started_at = self.ref.created
        self.state = "starting"
        self.deadline = now + self.part.start_seconds

    def exit_code(self) -> int | None:
        return None if self.process is None else self.process.poll()

    def drain(self) -> None:
        """Log what the process has written so far."""
        if self.process is None or self.process.stdout is None:
            return
        with contextlib.suppress(BlockingIOError):
            while data := os.read(self.process.stdout.fileno(), 65_536):
                self.log.feed(data)

    def signal(self, number: signal.Signals) -> None:
        if self.process is not None and self.process.poll() is None:
            signal_group(self.process.pid, number)

    def bury(self) -> None:
        """Let go of a process that ended, with its last words in the log."""
        self.drain()
        self.log.flush()
        if self.process is not None and self.process.stdout is not None:
            self.process.stdout.close()
        self.process = self.ref = None

    def record(self) -> PartRecord:
        return PartRecord(self.part.name, self.state, self.part.address, self.restarts, self.ref)
