"""The Vocos decoder: a mel to the magnitudes and phases of a spectrum, in one pass, and those to sound.

Module names are those of `charactr/vocos-mel-24khz`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from f5_tts_core import errors, limits
from f5_tts_core.network.buckets import stacked
from f5_tts_core.network.layers import NORM_EPS

#: Magnitudes are kept below this: a stray prediction must not become a bang.
MAX_MAGNITUDE = 1e2


@dataclass(frozen=True)
class VocosSizes:
    """What a Vocos checkpoint's tensors say about its shape."""

    n_mels: int
    dim: int
    inner_dim: int
    depth: int
    n_fft: int

    @classmethod
    def of(cls, state: Mapping[str, Tensor]) -> Self:
        """Raises `CheckpointMismatch` where `state` is no mel-to-STFT Vocos."""
        try:
            dim, n_mels, _ = state["backbone.embed.weight"].shape
            inner_dim = state["backbone.convnext.0.pwconv1.weight"].shape[0]
            n_fft = state["head.out.weight"].shape[0] - 2
        except (KeyError, ValueError) as error:
            raise errors.CheckpointMismatch(f"The vocoder's checkpoint is no Vocos: it lacks {error}.") from error
        depth = len({key.split(".")[2] for key in state if key.startswith("backbone.convnext.")})
        return cls(n_mels, dim, inner_dim, depth, n_fft)


class ConvNeXtBlock(nn.Module):
    """[b, d, n] -> [b, d, n]."""

    def __init__(self, dim: int, inner_dim: int) -> None:
        super().__init__()
        self.dwconv = nn.Conv1d(dim, dim, kernel_size=7, padding=3, groups=dim)
        self.norm = nn.LayerNorm(dim, eps=NORM_EPS)
        self.pwconv1 = nn.Linear(dim, inner_dim)
        self.pwconv2 = nn.Linear(inner_dim, dim)
        self.gamma = nn.Parameter(torch.ones(dim))

    def forward(self, x: Tensor) -> Tensor:
        mixed = self.norm(self.dwconv(x).transpose(1, 2))
        change: Tensor = self.gamma * self.pwconv2(F.gelu(self.pwconv1(mixed)))
        return x + change.transpose(1, 2)


class Backbone(nn.Module):
    """Log mel [b, n_mels, n] -> features [b, n, d]. `within` [b, 1, n] is true before each end; behind is nothing."""

    def __init__(self, sizes: VocosSizes) -> None:
        super().__init__()
        self.embed = nn.Conv1d(sizes.n_mels, sizes.dim, kernel_size=7, padding=3)
        self.norm = nn.LayerNorm(sizes.dim, eps=NORM_EPS)
        self.convnext = nn.ModuleList(ConvNeXtBlock(sizes.dim, sizes.inner_dim) for _ in range(sizes.depth))
        self.final_layer_norm = nn.LayerNorm(sizes.dim, eps=NORM_EPS)

    def forward(self, mel: Tensor, within: Tensor | None = None) -> Tensor:
        x: Tensor = self.norm(self.embed(mel).transpose(1, 2)).transpose(1, 2)
        for block in self.convnext:
            x = block(x if within is None else x * within)
        features: Tensor = self.final_layer_norm(x.transpose(1, 2))
        return features


class SpectrumHead(nn.Module):
    """Features [b, n, d] -> the complex spectrum [b, n_fft / 2 + 1, n]."""

    def __init__(self, sizes: VocosSizes) -> None:
        super().__init__()
        self.out = nn.Linear(sizes.dim, sizes.n_fft + 2)

    def forward(self, features: Tensor) -> Tensor:
        log_magnitude, phase = self.out(features).float().transpose(1, 2).chunk(2, dim=1)
        return torch.polar(log_magnitude.exp().clamp(max=MAX_MAGNITUDE), phase)


class Vocos(nn.Module):
    """A `Vocoder`. Hop and centering are fixed: they are the mel's, which the DiT was trained on."""

    name = "vocos"

    def __init__(self, sizes: VocosSizes) -> None:
        super().__init__()
        if (sizes.n_mels, sizes.n_fft) != (limits.N_MELS, limits.N_FFT):
            raise errors.CheckpointMismatch(
                f"The vocoder reads {sizes.n_mels} mel bands and writes an FFT of {sizes.n_fft}; "
                f"expected {limits.N_MELS} and {limits.N_FFT}."
            )
        self.backbone = Backbone(sizes)
        self.head = SpectrumHead(sizes)

    @torch.inference_mode()
    def decode(self, mels: Sequence[Tensor]) -> Sequence[Tensor]:
        """Log mels [frames, n_mels] -> of each, fp32 samples [(frames - 1) * 256]."""
        frames = torch.tensor([len(mel) for mel in mels])
        rows = stacked(mels).to(self.head.out.weight.dtype)
        within = (torch.arange(rows.shape[1]) < frames[:, None])[:, None].to(rows.device)
        spectra = self.head(self.backbone(rows.transpose(1, 2), within))
        return [_sound_of(spectrum[:, : len(mel)]) for mel, spectrum in zip(mels, spectra, strict=True)]


def _sound_of(spectrum: Tensor) -> Tensor:
    """[n_fft / 2 + 1, frames] -> [samples]. By itself: its last window must not overlap with what is behind it."""
    window = torch.hann_window(limits.N_FFT, device=spectrum.device)
    return torch.istft(spectrum, limits.N_FFT, limits.HOP_LENGTH, window=window, center=True)
