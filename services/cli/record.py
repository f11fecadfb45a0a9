"""What is running: the supervisor's word to the commands, and the list that finds orphans after its death."""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal

from services.cli.errors import CliError
from services.cli.files import write_private
from services.cli.home import Home
from services.cli.processes import ProcessRef

Phase = Literal["starting", "ready", "stopping", "failed"]
PartState = Literal["waiting", "starting", "ready", "restarting", "stopped"]


@dataclass(frozen=True)
class PartRecord:
    name: str
    state: PartState
    address: str = ""
    restarts: int = 0
    process: ProcessRef | None = None


@dataclass(frozen=True)
class StackRecord:
    phase: Phase
    supervisor: ProcessRef
    api_url: str
    #: Why it failed, with the last lines of the part at fault.
    message: str = ""
    parts: tuple[PartRecord, ...] = field(default=())

    @property
    def processes(self) -> list[ProcessRef]:
        return [part.process for part in self.parts if part.process is not None]


def save(home: Home, record: StackRecord) -> None:
    write_private(home.record, json.dumps(asdict(record), indent=2) + "\n")


def load(home: Home) -> StackRecord | None:
    """The last record, or None. Its processes may be long dead: ask each."""
    try:
        document = json.loads(home.record.read_text())
        parts = tuple(_part(part) for part in document.pop("parts"))
        return StackRecord(**{**document, "supervisor": ProcessRef(**document["supervisor"]), "parts": parts})
    except FileNotFoundError:
        return None
    except (ValueError, TypeError, KeyError) as error:
        raise CliError(f"{home.record} is damaged.", hint="Remove it once nothing of the stack runs.") from error


def forget(home: Home) -> None:
    home.record.unlink(missing_ok=True)


def running(home: Home) -> StackRecord | None:
    """The record of a stack whose supervisor lives, else None."""
    record = load(home)
    return record if record is not None and record.supervisor.alive else None


@contextmanager
def sole_supervisor(home: Home) -> Iterator[None]:
    """Hold the home's lock. The kernel lets go of it however the holder dies. Raises `CliError` if it is held."""
    handle = os.open(Path(home.lock), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError as error:
        raise CliError("Timbre is already running here.", hint="`timbre status` shows it.") from error
    finally:
        os.close(handle)


def _part(document: dict[str, object]) -> PartRecord:
    process = document.pop("process")
    ref = ProcessRef(**process) if isinstance(process, dict) else None
    return PartRecord(**document, process=ref)  # type: ignore[arg-type]  # fields checked by the dataclass's names
