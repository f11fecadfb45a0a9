"""Processes by pid and birth."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.cli.processes import ProcessRef, end, spawn

STUBBORN = "import signal, time; signal.signal(15, signal.SIG_IGN); print('up', flush=True); time.sleep(600)"


@pytest.fixture
def sleeper() -> Iterator["subprocess.Popen[bytes]"]:
    with subprocess.Popen([sys.executable, "-S", "-c", "import time; time.sleep(600)"]) as process:
        yield process
        process.kill()


def test_a_living_process_is_found(sleeper: "subprocess.Popen[bytes]") -> None:
    assert ProcessRef.of(sleeper.pid).alive


def test_a_pid_that_went_to_another_is_nobody(sleeper: "subprocess.Popen[bytes]") -> None:
    ref = ProcessRef.of(sleeper.pid)
    assert not ProcessRef(ref.pid, ref.created - 60).alive


def test_a_dead_process_is_nobody_even_before_it_is_reaped(sleeper: "subprocess.Popen[bytes]") -> None:
    ref = ProcessRef.of(sleeper.pid)
    os.kill(sleeper.pid, signal.SIGKILL)
    os.waitid(os.P_PID, sleeper.pid, os.WEXITED | os.WNOWAIT)
    assert not ref.alive


def test_end_spares_a_stranger_with_the_same_pid(sleeper: "subprocess.Popen[bytes]") -> None:
    ref = ProcessRef.of(sleeper.pid)
    assert end([ProcessRef(ref.pid, ref.created - 60)], grace_seconds=0) == []
    assert ref.alive


def test_end_kills_what_ignores_it() -> None:
    with subprocess.Popen([sys.executable, "-S", "-c", STUBBORN], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        assert end([ProcessRef.of(process.pid)], grace_seconds=0) == [process.pid]
        assert process.wait() is not None


def test_a_stopped_process_gets_to_end_in_its_own_way(tmp_path: Path) -> None:
    polite = (
        "import pathlib, signal, sys; signal.signal(15, lambda *_: sys.exit(pathlib.Path('tidy').touch())); "
        "print('up', flush=True); signal.pause()"
    )
    with subprocess.Popen([sys.executable, "-S", "-c", polite], stdout=subprocess.PIPE, cwd=tmp_path) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(signal.SIGSTOP)
        end([ProcessRef.of(process.pid)], grace_seconds=10)
    assert (tmp_path / "tidy").exists()


@pytest.mark.skipif(sys.platform != "linux", reason="prctl is Linux's")
def test_a_child_ends_with_its_parent_however_that_dies(tmp_path: Path) -> None:
    parent = (
        "import os, signal, sys, time; from pathlib import Path; from services.cli.processes import spawn\n"
        "child = spawn([sys.executable, '-S', '-c', 'import time; time.sleep(600)'], env=os.environ, cwd=Path('.'))\n"
        "print(child.pid, flush=True); signal.pause()"
    )
    with subprocess.Popen([sys.executable, "-c", parent], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        child = ProcessRef.of(int(process.stdout.readline()))
        process.kill()
        process.wait()
        living = child.find()
        if living is not None:
            living.wait(timeout=10)
    assert not child.alive


def test_spawned_output_is_read_without_waiting(tmp_path: Path) -> None:
    process = spawn([sys.executable, "-S", "-c", "print('hello')"], env=dict(os.environ), cwd=tmp_path)
    process.wait()
    assert process.stdout is not None
    assert os.read(process.stdout.fileno(), 100) == b"hello\n"
    process.stdout.close()
