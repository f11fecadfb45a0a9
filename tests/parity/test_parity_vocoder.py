"""Our mel front end and Vocos decoder against upstream's."""

from types import SimpleNamespace

import pytest
import torch

from f5_tts_core.network.mel import MelSpectrogram
from f5_tts_core.network.vocos import Vocos, VocosSizes
from tests.parity.networks import randomise


@pytest.mark.parametrize("samples", [1_000, 24_000, 30_123])
def test_parity_mel(upstream: SimpleNamespace, samples: int) -> None:
    tone = torch.sin(torch.arange(samples) * 0.05)
    audio = torch.stack([0.1 * torch.randn(samples), 0.5 * tone])
    torch.testing.assert_close(MelSpectrogram()(audio), upstream.MelSpec()(audio), atol=1e-4, rtol=0)


@pytest.mark.parametrize("frames", [5, 64, 131])
def test_parity_vocos_waveform(upstream: SimpleNamespace, frames: int) -> None:
    theirs = upstream.Vocos(
        upstream.MelSpectrogramFeatures(),
        upstream.VocosBackbone(input_channels=100, dim=48, intermediate_dim=96, num_layers=3),
        upstream.ISTFTHead(dim=48, n_fft=1024, hop_length=256, padding="center"),
    ).eval()
    randomise(theirs)
    state = {key: value for key, value in theirs.state_dict().items() if key.startswith(("backbone.", "head.out."))}
    ours = Vocos(VocosSizes.of(state)).eval()
    ours.load_state_dict(state)
    mel = torch.randn(2, frames, 100)
    expected = theirs.decode(mel.transpose(1, 2))
    assert expected.std() > 0.01
    torch.testing.assert_close(torch.stack([*ours.decode(list(mel))]), expected, atol=1e-4, rtol=0)
