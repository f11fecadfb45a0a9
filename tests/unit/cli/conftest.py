"""Small real children for the supervisor, and a scripted API for the commands."""

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from services.cli.home import Home
from services.cli.logs import PartLog, RotatingLog
from services.cli.part import Child, Part

#: Says that it runs, then waits for its end.
WAITS = "import time; print('up', flush=True); time.sleep(600)"


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path / "home")
    home.prepare()
    return home


@pytest.fixture
def make_child(home: Home, tmp_path: Path) -> Iterator[Callable[..., Child]]:
    """`make_child(name, script, **of_part)`: a child that runs a Python script. Killed at the end if it lives."""
    log = RotatingLog(home.log)
    made: list[Child] = []

    def make(name: str = "part", script: str = WAITS, **of_part: object) -> Child:
        part = Part(name, (sys.executable, "-S", "-c", script), dict(os.environ), tmp_path, **of_part)  # type: ignore[arg-type]
        made.append(Child(part, PartLog(name, log)))
        return made[-1]

    yield make
    for child in made:
        if child.process is not None:
            child.process.kill()
            child.process.wait()
            child.bury()
    log.close()
