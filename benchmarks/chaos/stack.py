"""What is tormented: the stack of `timbre up`, whose supervisor starts again what dies."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from services.cli import record
from services.cli.home import HOME_VARIABLE, Home
from services.cli.processes import ProcessRef
from services.shared.settings import Settings

_START_SECONDS: Final = 300.0
_STOP_SECONDS: Final = 120.0


class Embedded:
    """A stack that runs, with an engine that makes tones, so that all else is what is tested."""

    def __init__(self, home: Home) -> None:
        self._home = home

    @property
    def url(self) -> str:
        found = record.load(self._home)
        assert found is not None
        return found.api_url

    def process(self, part: str) -> ProcessRef | None:
        """The process that a part has now; None while it is being started again."""
        found = record.load(self._home)
        parts = found.parts if found else ()
        return next((one.process for one in parts if one.name == part and one.state == "ready"), None)


@contextmanager
def running_stack(scratch: Path, *, step_seconds: float) -> Iterator[Embedded]:
    """`step_seconds`: what each solver step takes. Raises `CalledProcessError` where the stack does not start."""
    environ = {name: value for name, value in os.environ.items() if name.lower() not in Settings.model_fields}
    environ |= {
        HOME_VARIABLE: str(scratch / "home"),
        "ENGINE": "tone",
        "TONE_STEP_SECONDS": str(step_seconds),
        "TRANSCRIBER": "none",
        "OMP_NUM_THREADS": "1",
    }

    def timbre(*words: str, seconds: float) -> None:
        command = [sys.executable, "-P", "-m", "services.cli.main", *words]
        subprocess.run(command, env=environ, check=True, timeout=seconds, stdout=subprocess.DEVNULL)  # noqa: S603 - ours

    timbre("up", "--detach", seconds=_START_SECONDS)
    try:
        yield Embedded(Home.find(environ))
    finally:
        timbre("down", seconds=_STOP_SECONDS)
