"""Which workers there are, and how fast they work."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class WorkerBeat:
    """A worker that is alive and ready. `info` is its engine's `EngineInfo` as a dict, with its `served_model`."""

    worker: str
    info: dict[str, str | int | float]
    started_at: float
    #: Jobs that it takes at once.
    slots: int = 1

    @property
    def model(self) -> str:
        """What requests call the one that it holds."""
        # A worker of an older release is known by its model's own name.
        return str(self.info.get("served_model", self.info.get("model", "")))

    def serves(self, model: str | None) -> bool:
        """Whether it takes the jobs that name this; all take those that name none."""
        return model in (None, self.model)


class WorkerRegistry(Protocol):
    """Which workers are ready, kept alive by their beats."""

    def announce(self, beat: WorkerBeat, ttl_seconds: float) -> None: ...

    def withdraw(self, worker: str) -> None: ...

    def ready(self) -> Sequence[WorkerBeat]:
        """Sorted by name."""
        ...


@dataclass(frozen=True)
class Pace:
    """What jobs took lately, on average."""

    #: Seconds from claim to commit.
    seconds: float
    #: How much there was to do, as `services.shared.pace.workload` counts it.
    workload: float


class PaceKeeper(Protocol):
    """Remembers how fast jobs are done, the latest most."""

    def note(self, seconds: float, workload: float) -> None:
        """A job was done."""
        ...

    def pace(self) -> Pace | None:
        """None until the first job was done."""
        ...
