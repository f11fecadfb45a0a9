"""The loop that any network here is trained by: learning rate, log, validation, checkpoints, time limit, resuming."""

import json
import math
import signal
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

import torch
from torch import Tensor

from training.errors import TrainingError
from training.recipe import Optimisation

#: The learning rate ends at this share of its height.
_FINAL_SHARE: Final = 0.02
#: All that resuming to the bit needs; large.
CHECKPOINT: Final = "checkpoint.pt"
#: The averaged weights alone, in fp16: what is exported, and enough to go on from on another machine.
WEIGHTS: Final = "weights.pt"
LOG: Final = "log.jsonl"
#: Where a run began with another checkpoint's weights: the SHA-256 of that.
STARTED_FROM: Final = "started-from.txt"


class Task(Protocol):
    """A network in training. All that is random in a step must follow from its number."""

    #: What the log calls it.
    name: str

    def step(self, step: int, rate: float, progress: float) -> Mapping[str, Tensor]:
        """One update at learning rate `rate`; `progress` 0..1 of the run. Returns scalars, on the device."""
        ...

    def validate(self) -> Mapping[str, float]:
        """Losses on what is never trained on, by the averaged weights."""
        ...

    def state(self) -> dict[str, Any]:
        """All else that the next step depends on: weights as they are, optimisers."""
        ...

    def restore(self, state: dict[str, Any], weights: dict[str, Tensor]) -> None:
        """Back to what `state` and `weights` gave."""
        ...

    def adopt(self, weights: dict[str, Tensor]) -> None:
        """Goes on from averaged weights alone, with a fresh optimiser."""
        ...

    def weights(self) -> dict[str, Tensor]:
        """The averaged weights: what is to be exported."""
        ...


@dataclass(frozen=True)
class Run:
    """One call of a run: where it keeps what, and when it must stop."""

    folder: Path
    optimisation: Optimisation
    #: What the weights mean: a folder of other weights is not taken up.
    identity: str = ""
    #: Of this call; None runs to the last step.
    minutes: float | None = None
    #: Of all calls together: where given, the learning rate reaches its end by then, in fewer steps if need be.
    total_minutes: float | None = None
    report: Callable[[str], None] = print


@dataclass
class _Position:
    step: int = 0
    #: The step at which the optimiser was fresh.
    fresh_at: int = 0
    #: Of training, over all calls.
    seconds: float = 0.0


def train(task: Task, run: Run) -> bool:
    """Trains from where the folder's checkpoint stands; whether the run is over, or has only come to its time limit.

    Stops at SIGTERM and SIGINT with a checkpoint. Raises `TrainingError` for losses that are not finite.
    """
    run.folder.mkdir(parents=True, exist_ok=True)
    position = _resume(task, run)
    meter = _Meter(task.name, run)
    clock = _Clock(run, position)
    with _stop_signal() as stopped:
        while (progress := _progress(run, position, clock)) < 1 and not stopped():
            rate = _rate(run.optimisation, position, progress)
            losses = task.step(position.step, rate, progress)
            position.step += 1
            position.seconds = clock.total()
            meter.count(losses, position, rate)
            if position.step % run.optimisation.validate_every == 0:
                meter.write(position, task.validate())
            if clock.wants_checkpoint():
                _save(task, run, position)
            if clock.is_up():
                break
    _save(task, run, position)
    meter.write(position, task.validate())
    return _progress(run, position, clock) >= 1


def _progress(run: Run, position: _Position, clock: "_Clock") -> float:
    by_steps = position.step / run.optimisation.steps
    return by_steps if run.total_minutes is None else max(by_steps, clock.total() / (60 * run.total_minutes))


def _rate(optimisation: Optimisation, position: _Position, progress: float) -> float:
    """Linear warm-up, then a cosine over the whole run."""
    warm = min(1.0, (position.step - position.fresh_at + 1) / optimisation.warmup_steps)
    cosine = 0.5 * (1 + math.cos(math.pi * min(progress, 1.0)))
    return optimisation.learning_rate * warm * (_FINAL_SHARE + (1 - _FINAL_SHARE) * cosine)


# --- checkpoints ----------------------------------------------------------------------------------


def _save(task: Task, run: Run, position: _Position) -> None:
    """Whole or not at all: a run killed while it writes keeps its last checkpoint."""
    weights, halves = task.weights(), {name: weight.half() for name, weight in task.weights().items()}
    about = {"identity": run.identity, "position": vars(position)}
    _write({**about, "weights": halves}, run.folder / WEIGHTS)
    _write({**about, "weights": weights, "task": task.state()}, run.folder / CHECKPOINT)


def _write(content: dict[str, Any], path: Path) -> None:
    temporary = path.with_suffix(".part")
    torch.save(content, temporary)
    temporary.rename(path)


def _resume(task: Task, run: Run) -> _Position:
    """Takes the checkpoint up, or else the weights alone; where neither is, starts. Raises `TrainingError`."""
    path = saved_in(run.folder)
    if path is None:
        return _Position()
    content = _read(path, run.identity)
    position = _Position(**content["position"])
    if path.name == CHECKPOINT:
        task.restore(content["task"], content["weights"])
    else:
        task.adopt(content["weights"])
        position.fresh_at = position.step
    run.report(f"{task.name}: resumed at step {position.step} after {position.seconds / 60:.1f} minutes")
    return position


def saved_in(folder: Path) -> Path | None:
    """What a run in `folder` goes on from; None before its first checkpoint."""
    return next((folder / name for name in (CHECKPOINT, WEIGHTS) if (folder / name).exists()), None)


def load_weights(folder: Path, identity: str) -> tuple[dict[str, Tensor], dict[str, float]]:
    """The averaged weights of a run of `identity`, in fp16, and its step and seconds. Raises `TrainingError`."""
    path = folder / WEIGHTS
    if not path.exists():
        raise TrainingError(f"There are no weights in {folder}: train first.")
    content = _read(path, identity)
    return content["weights"], content["position"]


def _read(path: Path, identity: str) -> dict[str, Any]:
    content: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    if content["identity"] != identity:
        raise TrainingError(f"{path} is a run of {content['identity']}, not of {identity}.")
    return content


# --- clock and log --------------------------------------------------------------------------------


class _Clock:
    def __init__(self, run: Run, position: _Position) -> None:
        self._run = run
        self._before = position.seconds
        self._started = self._saved = time.monotonic()

    def total(self) -> float:
        """Seconds of training over all calls."""
        return self._before + time.monotonic() - self._started

    def is_up(self) -> bool:
        minutes = self._run.minutes
        return minutes is not None and time.monotonic() - self._started >= 60 * minutes

    def wants_checkpoint(self) -> bool:
        now = time.monotonic()
        due = now - self._saved >= 60 * self._run.optimisation.checkpoint_minutes
        self._saved = now if due else self._saved
        return due


class _Meter:
    """Means of the losses since the last line. Reads the device only when it writes: each look makes it wait."""

    def __init__(self, name: str, run: Run) -> None:
        self._name = name
        self._run = run
        self._losses: defaultdict[str, list[Tensor]] = defaultdict(list)
        self._since = time.monotonic()

    def count(self, losses: Mapping[str, Tensor], position: _Position, rate: float) -> None:
        for name, loss in losses.items():
            self._losses[name].append(loss.detach())
        if position.step % self._run.optimisation.log_every == 0:
            self._write_means(position, rate)

    def write(self, position: _Position, values: Mapping[str, float]) -> None:
        rounded = {name: round(value, 6) for name, value in values.items()}
        row = {"step": position.step, "seconds": round(position.seconds, 1), **rounded}
        with (self._run.folder / LOG).open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")
        self._run.report(f"{self._name}: " + "  ".join(f"{name} {value}" for name, value in row.items()))

    def _write_means(self, position: _Position, rate: float) -> None:
        means = {name: float(torch.stack(values).mean()) for name, values in self._losses.items()}
        if not all(map(math.isfinite, means.values())):
            raise TrainingError(f"The losses of {self._name} at step {position.step} are not finite: {means}.")
        steps = len(next(iter(self._losses.values())))
        pace = steps / max(time.monotonic() - self._since, 1e-9)
        self.write(position, {**means, "rate": rate, "steps_per_second": pace})
        self._losses.clear()
        self._since = time.monotonic()


@contextmanager
def _stop_signal() -> Iterator[Callable[[], bool]]:
    """Whether the process was asked to end. Signals reach only the main thread; elsewhere nobody asks."""
    stopped = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield stopped.is_set
        return
    names: Sequence[signal.Signals] = (signal.SIGTERM, signal.SIGINT)
    before = [signal.signal(name, lambda *_: stopped.set()) for name in names]
    try:
        yield stopped.is_set
    finally:
        for name, handler in zip(names, before, strict=True):
            signal.signal(name, handler)
