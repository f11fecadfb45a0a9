"""The vocoder's training: it learns, with critics and without, and speaks as the engine will have it speak."""

from pathlib import Path

import pytest
import torch

from f5_tts_core.network.vocos import Vocos
from training.discriminators import Discriminators, critics_loss, fooling_loss
from training.recipe import SIZES
from training.speech import Corpus, load_corpus
from training.vocoder import Spectra, VocoderTask, initialise, render, vocos_sizes

SMOKE = SIZES["smoke"]


@pytest.fixture(scope="module")
def corpora(build: Path) -> list[Corpus]:
    return [load_corpus(build / "speech", "train"), load_corpus(build / "speech", "held-out")]


def network() -> Vocos:
    return initialise(Vocos(vocos_sizes(SMOKE.vocoder)), seed=1)


def test_it_renders_what_the_engine_decodes() -> None:
    mel = torch.randn(2, 100, 20)
    vocos = network()
    torch.testing.assert_close(render(vocos, mel), torch.stack([*vocos.decode([*mel.transpose(1, 2)])]))


def test_the_loss_goes_down_and_the_held_out_one_too(corpora: list[Corpus]) -> None:
    task = VocoderTask(SMOKE, network(), *corpora)
    before = task.validate()["held_out_mel"]
    losses = [float(task.step(step, 2e-3, 0.0)["mel"].detach()) for step in range(40)]
    assert sum(losses[-5:]) < 0.6 * sum(losses[:5])
    assert task.validate()["held_out_mel"] < 0.85 * before


def test_critics_join_at_their_time_and_learn(corpora: list[Corpus]) -> None:
    task = VocoderTask(SMOKE, network(), *corpora, adversarial=True)
    assert "critics" not in task.step(0, 1e-3, progress=0.1)
    losses = [float(task.step(step, 2e-3, progress=0.5)["critics"].detach()) for step in range(1, 13)]
    assert losses[-1] < losses[0]


def test_critics_that_cannot_be_fooled_say_so() -> None:
    critics = Discriminators(shrink=16)
    samples = torch.randn(2, 4_096) * 0.1
    with torch.no_grad():
        impressions = critics(samples)
        _, apart = fooling_loss(impressions, critics(samples))
    assert float(apart) == 0
    sure = [[verdict * 0 + 2] for *_, verdict in impressions]
    doubtful = [[-verdict] for (verdict,) in sure]
    assert float(critics_loss(sure, doubtful)) == 0
    assert float(critics_loss(doubtful, sure)) > 5


def test_spectra_of_silence_have_gradients() -> None:
    fake = torch.zeros(1, 4_096, requires_grad=True)
    Spectra().distance(fake, torch.randn(1, 4_096)).backward()
    assert fake.grad is not None
    assert bool(torch.isfinite(fake.grad).all())
