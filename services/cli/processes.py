"""Processes that outlive the one that started them: named by pid and birth, so that a reused pid is nobody's."""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

#: Seconds that two readings of one process's birth may differ by.
BIRTH_TOLERANCE = 0.5
#: prctl(2): the signal a process gets when its parent dies.
PR_SET_PDEATHSIG = 1


@dataclass(frozen=True)
class ProcessRef:
    pid: int
    #: Seconds since the epoch.
    created: float

    @classmethod
    def of(cls, pid: int) -> "ProcessRef":
        """Raises `psutil.NoSuchProcess`."""
        return cls(pid, psutil.Process(pid).create_time())

    def find(self) -> psutil.Process | None:
        """The process itself while it lives; None once it ended, even if its pid went to another."""
        try:
            process = psutil.Process(self.pid)
            alive = abs(process.create_time() - self.created) < BIRTH_TOLERANCE
            return process if alive and process.status() != psutil.STATUS_ZOMBIE else None
        except psutil.NoSuchProcess:
            return None

    @property
    def alive(self) -> bool:
        return self.find() is not None


def spawn(argv: Sequence[str], *, env: Mapping[str, str], cwd: Path) -> subprocess.Popen[bytes]:
    """Start a process in a session of its own (a Ctrl-C is not its affair), output on one non-blocking pipe.

    On Linux it gets SIGTERM when the caller's thread dies, however that dies.
    """
    process = subprocess.Popen(
        list(argv),
        env=dict(env),
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        preexec_fn=_die_with_parent(),  # noqa: PLW1509 - the supervisor has one thread when it spawns
    )
    if process.stdout is not None:
        os.set_blocking(process.stdout.fileno(), False)
    return process


def _die_with_parent() -> Callable[[], None] | None:
    """The call that a new child makes between fork and exec; libc is loaded before the fork, not in it."""
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    parent = os.getpid()

    def ask() -> None:
        prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:  # died in between: nobody would tell us
            os._exit(1)

    return ask


def signal_group(pid: int, number: signal.Signals) -> None:
    """Signal a process that `spawn` started and all its children, stopped ones too; no error where it is gone."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)
        os.killpg(pid, signal.SIGCONT)


def end(refs: Iterable[ProcessRef], grace_seconds: float) -> list[int]:
    """SIGTERM those that live, SIGKILL what is left after the grace; the pids that had to be ended."""
    living = [process for process in (ref.find() for ref in refs) if process is not None]
    for process in living:
        _send(process, signal.SIGTERM)
    _, stubborn = psutil.wait_procs(living, timeout=grace_seconds)
    for process in stubborn:
        _send(process, signal.SIGKILL)
    psutil.wait_procs(stubborn, timeout=5)
    return [process.pid for process in living]


def _send(process: psutil.Process, number: signal.Signals) -> None:
    """A stopped process hears nothing but SIGKILL until it goes on."""
    with contextlib.suppress(psutil.NoSuchProcess):
        process.send_signal(number)
        process.send_signal(signal.SIGCONT)
