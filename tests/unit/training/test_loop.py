"""Runs: resumed as if never stopped, stopped when asked, and never on a loss that is no number."""

import json
import os
import shutil
import signal
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from training.errors import TrainingError
from training.loop import CHECKPOINT, LOG, Run, load_weights, train
from training.recipe import SIZES, Recipe
from training.runs import RunOptions, train_dit, train_vocoder

OPTIONS = RunOptions(device="cpu", threads=1)
SMOKE = SIZES["smoke"]


def with_steps(recipe: Recipe, steps: int) -> Recipe:
    dit, vocoder = (replace(part, optimisation=replace(part.optimisation, steps=steps)) for part in networks(recipe))
    return replace(recipe, dit=dit, vocoder=vocoder)


def networks(recipe: Recipe) -> tuple[Any, Any]:
    return recipe.dit, recipe.vocoder


@pytest.mark.parametrize("network", ["dit", "vocoder"])
def test_a_resumed_run_ends_where_an_uninterrupted_one_does(build: Path, tmp_path: Path, network: str) -> None:
    """The build's run went through in one; this one is stopped after each step."""
    for name in ("speech", "texts"):
        (tmp_path / name).symlink_to(build / name)
    calls = 0
    finished = False
    while not finished:
        options = replace(OPTIONS, minutes=1e-9)
        one_call = train_dit if network == "dit" else train_vocoder
        extra = {} if network == "dit" else {"adversarial": True}
        finished = one_call(SMOKE, tmp_path, options, **extra)
        calls += 1
    assert calls == SMOKE.dit.optimisation.steps
    identity = SMOKE.dit_identity if network == "dit" else SMOKE.vocoder_identity
    expected, position = load_weights(build / network, identity)
    resumed, resumed_position = load_weights(tmp_path / network, identity)
    assert position["step"] == resumed_position["step"] == SMOKE.dit.optimisation.steps
    for name, weight in expected.items():
        torch.testing.assert_close(resumed[name], weight, atol=1e-6, rtol=0)


def test_weights_alone_are_enough_to_go_on(build: Path, tmp_path: Path) -> None:
    for name in ("speech", "texts"):
        (tmp_path / name).symlink_to(build / name)
    shutil.copytree(build / "dit", tmp_path / "dit")
    (tmp_path / "dit" / CHECKPOINT).unlink()
    assert train_dit(with_steps(SMOKE, 8), tmp_path, OPTIONS)
    assert load_weights(tmp_path / "dit", SMOKE.dit_identity)[1]["step"] == 8
    assert load_weights(tmp_path / "dit", SMOKE.dit_identity)[1]["fresh_at"] == 6


class Counting:
    """A task whose only weight counts the steps."""

    name = "counting"

    def __init__(self, loss: float = 1.0, signal_at: int | None = None) -> None:
        self.weight = torch.zeros(1)
        self.loss = loss
        self.signal_at = signal_at
        self.rates: list[float] = []

    def step(self, step: int, rate: float, progress: float) -> Mapping[str, Tensor]:
        self.weight += 1
        self.rates.append(rate)
        if step == self.signal_at:
            os.kill(os.getpid(), signal.SIGTERM)
        return {"loss": torch.tensor(self.loss)}

    def validate(self) -> Mapping[str, float]:
        return {"held_out_loss": 0.5}

    def state(self) -> dict[str, Any]:
        return {}

    def restore(self, state: dict[str, Any], weights: dict[str, Tensor]) -> None:
        self.adopt(weights)

    def adopt(self, weights: dict[str, Tensor]) -> None:
        self.weight.copy_(weights["weight"])

    def weights(self) -> dict[str, Tensor]:
        return {"weight": self.weight}


def run(folder: Path, **settings: Any) -> Run:
    optimisation = replace(SMOKE.dit.optimisation, steps=20, warmup_steps=5, log_every=5, validate_every=100)
    return Run(folder, optimisation, report=lambda _line: None, **settings)


def test_a_signal_ends_a_run_with_a_checkpoint(tmp_path: Path) -> None:
    handler = signal.getsignal(signal.SIGTERM)
    assert not train(Counting(signal_at=7), run(tmp_path))
    assert load_weights(tmp_path, "")[1]["step"] == 8
    assert signal.getsignal(signal.SIGTERM) is handler
    task = Counting()
    assert train(task, run(tmp_path))
    assert float(task.weight) == 20


def test_the_rate_warms_up_and_comes_down(tmp_path: Path) -> None:
    task = Counting()
    train(task, run(tmp_path))
    top = task.rates.index(max(task.rates))
    assert 3 <= top <= 5
    assert task.rates[:top] == sorted(task.rates[:top])
    assert task.rates[top:] == sorted(task.rates[top:], reverse=True)
    assert task.rates[-1] < 0.05 * max(task.rates)


def test_a_total_time_ends_a_run_before_its_steps(tmp_path: Path) -> None:
    assert train(Counting(), run(tmp_path, total_minutes=1e-9))
    assert load_weights(tmp_path, "")[1]["step"] <= 1


def test_the_log_holds_losses_rate_and_pace(tmp_path: Path) -> None:
    train(Counting(), run(tmp_path))
    rows = [json.loads(line) for line in (tmp_path / LOG).read_text().splitlines()]
    assert [row["step"] for row in rows] == [5, 10, 15, 20, 20]
    assert rows[0]["loss"] == 1.0
    assert rows[0]["steps_per_second"] > 0
    assert rows[-1]["held_out_loss"] == 0.5


def test_another_models_weights_are_not_taken_up(tmp_path: Path) -> None:
    train(Counting(), run(tmp_path, identity="one"))
    with pytest.raises(TrainingError, match="a run of one, not of two"):
        train(Counting(), run(tmp_path, identity="two"))


def test_a_loss_that_is_no_number_ends_the_run(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="not finite"):
        train(Counting(loss=float("nan")), run(tmp_path))
    assert not (tmp_path / CHECKPOINT).exists()
