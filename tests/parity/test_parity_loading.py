"""Checkpoints as upstream writes them load in ours, and both engines then say the same."""

from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from f5_tts_core.checkpoint import load_dit, load_vocoder
from f5_tts_core.engine import EngineConfig, create_engine
from f5_tts_core.manifest import Manifest
from f5_tts_core.types import Reference, Synthesis, SynthesisRequest
from tests.parity.networks import VARIANTS, VOCABULARY_SIZE, randomise, upstream_arguments


@torch.no_grad()
@pytest.mark.parametrize("suffix", ["safetensors", "pt"])
@pytest.mark.parametrize("name", VARIANTS)
def test_parity_of_a_checkpoint_that_upstream_saved(
    upstream: SimpleNamespace, tmp_path: Path, name: str, suffix: str
) -> None:
    theirs = upstream.CFM(upstream.DiT(**upstream_arguments(VARIANTS[name]), text_num_embeds=VOCABULARY_SIZE)).eval()
    randomise(theirs)
    ema = {f"ema_model.{key}": tensor.clone() for key, tensor in theirs.state_dict().items()}
    ema |= {"initted": torch.tensor(True), "step": torch.tensor(1_250_000)}
    path = tmp_path / f"model_1250000.{suffix}"
    if suffix == "safetensors":
        save_file(ema, path)
    else:
        torch.save({"ema_model_state_dict": ema, "model_state_dict": theirs.state_dict(), "update": 1_250_000}, path)
    (tmp_path / "vocab.txt").write_text("".join(f"token{index}\n" for index in range(VOCABULARY_SIZE)))

    manifest = Manifest(name, VARIANTS[name], "pinyin", path, tmp_path / "vocab.txt")
    ours, vocabulary = load_dit(manifest, torch.device("cpu"), torch.float32)
    assert len(vocabulary) == VOCABULARY_SIZE
    noisy, cond = torch.randn(2, 1, 30, 100)
    tokens, time = torch.randint(0, VOCABULARY_SIZE, (12,)), torch.tensor([0.6])
    found = ours(noisy, cond, ours.embed_text(tokens, 30)[None], ours.modulate(time), None)
    expected = theirs.transformer(noisy, cond, tokens[None], time)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)


def test_parity_of_a_vocos_that_upstream_saved(upstream: SimpleNamespace, tmp_path: Path) -> None:
    theirs = upstream.Vocos(
        upstream.MelSpectrogramFeatures(),
        upstream.VocosBackbone(input_channels=100, dim=32, intermediate_dim=64, num_layers=2),
        upstream.ISTFTHead(dim=32, n_fft=1024, hop_length=256, padding="center"),
    ).eval()
    randomise(theirs)
    path = tmp_path / "pytorch_model.bin"
    torch.save(theirs.state_dict(), path)
    mel = torch.randn(20, 100)
    (found,) = load_vocoder(path, torch.device("cpu")).decode([mel])
    torch.testing.assert_close(found, theirs.decode(mel.T[None])[0], atol=1e-5, rtol=0)


def speak(engine_name: str, config: EngineConfig) -> Synthesis:
    sample = files("f5_tts_core") / "assets" / "sample"
    reference = Reference((sample / "reference.wav").read_bytes(), (sample / "reference.txt").read_text().strip())
    engine = create_engine(engine_name, replace(config, device="cpu", precision="fp32", threads=1))
    engine.load()
    try:
        return engine.synthesize(
            SynthesisRequest("The rain has stopped. Let us go out.", reference, seed=11, nfe_step=7)
        )
    finally:
        engine.close()


def assert_same_speech(config: EngineConfig, *, within: float) -> None:
    """The difference's root mean square is at most `within` of the speech's."""
    ours, theirs = (speak(name, config).audio.samples for name in ("f5", "upstream"))
    assert ours.shape == theirs.shape
    loudness = float(np.sqrt(np.mean(theirs**2)))
    assert loudness > 0.001
    assert float(np.sqrt(np.mean((ours - theirs) ** 2))) < within * loudness


def test_parity_of_engines_on_the_bundled_model() -> None:
    """From text and clip to sound, through everything between: both engines say the same."""
    assert_same_speech(EngineConfig(), within=0.02)  # Griffin-Lim widens differences in the mel's last digits


def test_parity_of_engines_with_vocos(upstream: SimpleNamespace, tmp_path: Path) -> None:
    theirs = upstream.Vocos(
        upstream.MelSpectrogramFeatures(),
        upstream.VocosBackbone(input_channels=100, dim=32, intermediate_dim=64, num_layers=2),
        upstream.ISTFTHead(dim=32, n_fft=1024, hop_length=256, padding="center"),
    )
    randomise(theirs)
    torch.save(theirs.state_dict(), tmp_path / "pytorch_model.bin")
    assert_same_speech(EngineConfig(vocoder_path=tmp_path), within=1e-3)
