"""The recipe's end: a model folder that the product loads, checks and speaks with."""

import hashlib
import io
import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf
import torch

from f5_tts_core import errors
from f5_tts_core.engine import EngineConfig, create_engine
from f5_tts_core.types import Reference, SynthesisRequest
from training.__main__ import main
from training.errors import TrainingError
from training.export import export, install
from training.recipe import SIZES
from training.runs import vocabulary_of
from training.speech import load_corpus

SMOKE = SIZES["smoke"]


def test_the_engine_speaks_with_it(build: Path) -> None:
    corpus = load_corpus(build / "speech", "held-out")
    wav = io.BytesIO()
    sf.write(wav, corpus.samples[: corpus.lengths[0]], 24_000, format="WAV")
    reference = Reference(wav.getvalue(), corpus.texts[0])
    engine = create_engine("f5", EngineConfig(ckpt_path=build / SMOKE.name, device="cpu", precision="fp32", threads=1))
    engine.load()
    try:
        info = engine.describe()
        spoken = engine.synthesize(SynthesisRequest("We will meet again.", reference, seed=1, nfe_step=2))
    finally:
        engine.close()
    assert (info.model, info.vocoder) == (SMOKE.name, "vocos")
    assert 0.5 < spoken.audio.seconds < 6
    assert np.isfinite(spoken.audio.samples).all()


def test_its_card_says_what_it_is_made_of(build: Path) -> None:
    card = (build / SMOKE.name / "README.md").read_text()
    for fact in (
        "timbre-smoke",
        "12 utterances of 6 voices",
        "GPL-3.0-or-later",
        "PSF-2.0",
        "| dit | 6 |",
        "held_out_loss",
    ):
        assert fact in card


def test_a_changed_file_is_noticed(build: Path, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    shutil.copytree(build / SMOKE.name, folder)
    content = bytearray((folder / "model.safetensors").read_bytes())
    content[-1] ^= 1
    (folder / "model.safetensors").write_bytes(content)
    with pytest.raises(errors.HashMismatch):
        create_engine("f5", EngineConfig(ckpt_path=folder, device="cpu")).load()


def test_the_real_recipe_fits_its_size() -> None:
    from f5_tts_core.network.dit import DiT
    from f5_tts_core.network.vocos import Vocos
    from training.export import MAX_BYTES
    from training.vocoder import vocos_sizes

    tiny = SIZES["tiny"]
    with torch.device("meta"):
        # Phonemes want the largest vocabulary of those the recipe knows.
        networks = (DiT(tiny.dit.architecture, 100), Vocos(vocos_sizes(tiny.vocoder)))
    assert 2 * sum(weight.numel() for network in networks for weight in network.parameters()) < 0.99 * MAX_BYTES


def test_weights_beyond_fp16_are_refused(build: Path, tmp_path: Path) -> None:
    for network in ("dit", "vocoder"):
        shutil.copytree(build / network, tmp_path / network)
    content = torch.load(tmp_path / "dit" / "weights.pt", weights_only=True)
    content["weights"]["proj_out.bias"] += 1e6
    torch.save(content, tmp_path / "dit" / "weights.pt")
    with pytest.raises(TrainingError, match=r"fp16 cannot hold .*proj_out.bias"):
        export(SMOKE, tmp_path, tmp_path / "model", vocabulary_of(SMOKE.front_end))


def test_the_config_is_the_recipes(build: Path) -> None:
    config = json.loads((build / SMOKE.name / "config.json").read_text())
    assert config["total_seconds"] == SMOKE.total_seconds
    assert config["architecture"]["average_upsampling"] is True
    assert config["vocoder"] == "vocoder.safetensors"
    assert set(config["token_seconds"]) == set(vocabulary_of(SMOKE.front_end))


def test_without_a_vocoder_s_run_the_model_has_none(build: Path, tmp_path: Path) -> None:
    for step in ("texts", "speech", "dit"):
        (tmp_path / step).symlink_to(build / step)
    folder = tmp_path / "model"
    export(SMOKE, tmp_path, folder, vocabulary_of(SMOKE.front_end))
    assert json.loads((folder / "config.json").read_text())["vocoder"] is None
    assert "no vocoder (Griffin-Lim)" in (folder / "README.md").read_text()
    assets = tmp_path / "assets"
    shutil.copytree(build / SMOKE.name, assets)
    install(folder, assets)
    assert not (assets / "vocoder.safetensors").exists()


def test_the_card_tells_what_a_run_began_with(build: Path, tmp_path: Path) -> None:
    for step in ("texts", "speech", "vocoder"):
        (tmp_path / step).symlink_to(build / step)
    earlier = build / SMOKE.name / "model.safetensors"
    common = ["--size", "smoke", "--build", str(tmp_path), "--device", "cpu", "--threads", "1", "--steps", "2"]
    assert main(["dit", *common, "--start-from", str(earlier)]) == 0
    assert main(["export", *common]) == 0
    digest = hashlib.sha256(earlier.read_bytes()).hexdigest()
    assert digest in (tmp_path / SMOKE.name / "README.md").read_text()
    assert digest not in (build / SMOKE.name / "README.md").read_text()


def test_weights_are_not_exported_under_another_front_end(build: Path) -> None:
    other = "lowercase-characters"
    with pytest.raises(TrainingError, match="on aligned phonemes-en, not of"):
        export(replace(SMOKE, front_end=other), build, build / "wrong", vocabulary_of(other))


def test_a_step_out_of_order_says_which_comes_first(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["dit", "--size", "smoke", "--build", str(tmp_path)]) == 1
    assert "python -m training speech" in capsys.readouterr().err
