"""Where the embedded stack keeps its data, logs, secrets and the record of its processes."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

HOME_VARIABLE = "TIMBRE_HOME"


@dataclass(frozen=True)
class Home:
    """One stack's directory: `TIMBRE_HOME`, or `.timbre` in the working directory. Only its owner may enter it."""

    path: Path

    @classmethod
    def find(cls, environ: Mapping[str, str] | None = None) -> "Home":
        environ = os.environ if environ is None else environ
        return cls(Path(environ.get(HOME_VARIABLE) or ".timbre").absolute())

    def prepare(self) -> None:
        """Make the directories; a second call changes nothing but a mode that was too open."""
        for directory in (self.path, self.logs, self.data("valkey"), self.data("seaweedfs")):
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.path.chmod(0o700)

    @property
    def logs(self) -> Path:
        return self.path / "logs"

    @property
    def log(self) -> Path:
        return self.logs / "timbre.log"

    @property
    def secrets(self) -> Path:
        return self.path / "secrets.json"

    @property
    def record(self) -> Path:
        return self.path / "stack.json"

    @property
    def lock(self) -> Path:
        return self.path / "stack.lock"

    def data(self, part: str) -> Path:
        return self.path / part
