"""Processes that outlive the one that started them: named by pid and birth, so that a reused pid is nobody's."""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

#: Seconds that two readings of one process's birth may differ by.
BIRTH_TOLERANCE = 0.5
#: prctl(2): the signal a process gets when its parent dies.
PR_SET_PDEATHSIG = 1
#: What a process that was killed may take to be gone.
KILL_SECONDS = 5.0
POLL_SECONDS = 0.05


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
        except psutil.Error:
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
    living = [ref for ref in refs if ref.alive]
    for ref in living:
        _send(ref, signal.SIGTERM)
    for ref in wait_gone(living, grace_seconds):
        _send(ref, signal.SIGKILL)
    wait_gone(living, KILL_SECONDS)
    return [ref.pid for ref in living]


def wait_gone(refs: Iterable[ProcessRef], timeout_seconds: float) -> list[ProcessRef]:
    """Wait for all to end; those that have not. A zombie has, even where nobody comes to reap it."""
    deadline = time.monotonic() + timeout_seconds
    while (living := [ref for ref in refs if ref.alive]) and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
    return living


def _send(ref: ProcessRef, number: signal.Signals) -> None:
    """A stopped process hears nothing but SIGKILL until it goes on."""
    process = ref.find()
    if process is not None:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(number)
            process.send_signal(signal.SIGCONT)
