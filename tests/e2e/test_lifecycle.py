"""The stack as processes: started, killed, restarted, stopped, and never an orphan."""

import os
import signal
import subprocess
import time
from collections.abc import Callable

import psutil

from .conftest import START_SECONDS, Place

MakePlace = Callable[..., Place]


def up(place: Place) -> None:
    started = place.timbre("up", "--detach")
    assert started.returncode == 0, started.stderr


def assert_all_end(processes: list[psutil.Process]) -> None:
    _, alive = psutil.wait_procs(processes, timeout=45)
    assert alive == []


def test_what_is_killed_comes_back_and_down_leaves_nothing(small_stack: MakePlace) -> None:
    place = small_stack()
    up(place)
    assert len(place.processes()) == 6  # the supervisor and five parts
    again = place.timbre("up", "--detach")
    assert (again.returncode, again.stderr.splitlines()[0]) == (1, "error: Timbre is already running here.")
    for name in ("api", "valkey"):
        kill_and_wait_until_back(place, name)
    said = place.timbre("jobs", "list")
    assert said.returncode == 0, said.stderr
    processes = place.processes()
    assert place.timbre("down").stdout.strip() == "Stopped."
    assert_all_end(processes)
    assert place.processes() == []
    assert place.timbre("status").returncode == 1


def test_an_interrupt_stops_it_cleanly(small_stack: MakePlace) -> None:
    place = small_stack()
    with subprocess.Popen(
        [".venv/bin/timbre", "up", "--quiet"], cwd=place.path, env=place.env, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("Timbre is ready at ")
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=60) == 0
    assert place.processes() == []


def test_a_killed_supervisor_leaves_nothing_that_up_and_down_do_not_end(small_stack: MakePlace) -> None:
    place = small_stack()
    up(place)
    first = place.processes()
    os.kill(place.status()["supervisor"]["pid"], signal.SIGKILL)
    up(place)
    assert_all_end(first)
    second = place.processes()
    assert len(second) == 6
    # A part that cannot hear the kernel's word of its parent's death: only the record leads to it.
    os.kill(place.pid("control"), signal.SIGSTOP)
    os.kill(place.status()["supervisor"]["pid"], signal.SIGKILL)
    answer = place.timbre("down")
    assert answer.returncode == 0, answer.stderr
    assert_all_end(second)


def test_a_part_that_cannot_start_is_told(small_stack: MakePlace) -> None:
    place = small_stack(ENGINE="no-such-engine")
    answer = place.timbre("up", "--detach")
    assert answer.returncode == 1
    assert "worker does not stay up" in answer.stderr
    assert "no-such-engine" in answer.stderr
    assert place.processes() == []
    assert "The last one failed" in place.timbre("status").stdout


def kill_and_wait_until_back(place: Place, name: str) -> None:
    killed = place.pid(name)
    os.kill(killed, signal.SIGKILL)
    deadline = time.monotonic() + START_SECONDS
    while True:  # each look is a command, which takes its time
        part = next(one for one in place.status()["parts"] if one["name"] == name)
        if part["state"] == "ready" and part["process"]["pid"] != killed:
            assert part["restarts"] == 1
            return
        assert time.monotonic() < deadline
