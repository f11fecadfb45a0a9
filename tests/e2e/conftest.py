"""The whole stack as a newcomer starts it: one for the session by `make demo`, small ones with a test signal."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

ROOT = Path(__file__).parents[2]
#: What a checkout holds that is not of the repository, or that the newcomer's place gets of its own.
NOT_LINKED = {".git", ".venv", ".timbre", "out"}
START_SECONDS = 180


@dataclass(frozen=True)
class Place:
    """A directory that looks like a checkout, with a home of its own, and the environment to run commands in it."""

    path: Path
    env: dict[str, str]

    def run(self, *argv: str, timeout: float = START_SECONDS) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            argv, cwd=self.path, env=self.env, capture_output=True, text=True, timeout=timeout, check=False
        )

    def timbre(self, *words: str) -> "subprocess.CompletedProcess[str]":
        return self.run(".venv/bin/timbre", *words)

    def status(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(self.timbre("status", "--json").stdout)
        return document

    def pid(self, part: str) -> int:
        return int(next(one["process"]["pid"] for one in self.status()["parts"] if one["name"] == part))

    def processes(self) -> list[psutil.Process]:
        """Every living process that was started for this place, whoever its parent is by now."""
        return [process for process in psutil.process_iter() if self._is_ours(process)]

    def _is_ours(self, process: psutil.Process) -> bool:
        home = self.env["TIMBRE_HOME"]
        try:
            if process.status() == psutil.STATUS_ZOMBIE:
                return False
            # Valkey writes its title over its environment, but works in the home.
            return process.cwd().startswith(home) or process.environ().get("TIMBRE_HOME") == home
        except psutil.Error:
            return False


def make_place(path: Path, **environ: str) -> Place:
    path.mkdir(exist_ok=True)
    for entry in ROOT.iterdir():
        if entry.name not in NOT_LINKED:
            (path / entry.name).symlink_to(entry)
    (path / ".venv").symlink_to(sys.prefix)
    # Another stack's settings on this machine are not these tests'.
    kept = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG", "TMPDIR")}
    env = {**kept, "TIMBRE_HOME": str(path / ".timbre"), "DEVICE": "cpu", "OMP_NUM_THREADS": "1", **environ}
    return Place(path, {**env, "COLUMNS": "200"})


@dataclass(frozen=True)
class Demo:
    place: Place
    #: What `make demo` printed.
    said: str
    api_url: str


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """`make demo` as installed: everything but the installation, with the default engine and model."""
    place = make_place(tmp_path_factory.mktemp("demo"))
    try:
        made = place.run("make", "-o", ".venv/.demo-installed", "demo")
        assert made.returncode == 0, made.stdout + made.stderr
        yield Demo(place, made.stdout, place.status()["api_url"])
    finally:
        place.timbre("down")


@pytest.fixture
def small_stack(tmp_path: Path) -> Iterator[Callable[..., Place]]:
    """`small_stack()`: a place whose engine is the test signal, so that a stack starts in a moment. Stopped after."""
    made: list[Place] = []

    def make(**environ: str) -> Place:
        made.append(make_place(tmp_path / f"stack{len(made)}", **{"ENGINE": "tone", **environ}))
        return made[-1]

    yield make
    for place in made:
        place.timbre("down")
        for process in place.processes():
            process.kill()
