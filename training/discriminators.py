"""Critics of the vocoder's sound, in training only: they learn to tell it from the teacher's, and it to fool them.

Two kinds, as in HiFi-GAN and Vocos: one folds the samples by a period, the other looks at spectra of a resolution.
"""

from typing import Final

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import weight_norm

_PERIODS: Final = (2, 3, 5, 7, 11)
_RESOLUTIONS: Final = (512, 1024, 2048)
_CHANNELS: Final = (32, 64, 128, 256, 256)
_SPECTRAL_CHANNELS: Final = 32
_SLOPE: Final = 0.1

#: What each layer of a critic sees; the last is its verdict, above 0 for real.
Impressions = list[Tensor]


class Discriminators(nn.Module):
    """All critics: samples [b, t] -> the impressions of each."""

    def __init__(self, shrink: int = 1) -> None:
        super().__init__()
        periods = [PeriodDiscriminator(period, shrink) for period in _PERIODS]
        resolutions = [ResolutionDiscriminator(n_fft, shrink) for n_fft in _RESOLUTIONS]
        self.critics = nn.ModuleList([*periods, *resolutions])

    def forward(self, samples: Tensor) -> list[Impressions]:
        return [critic(samples) for critic in self.critics]


class PeriodDiscriminator(nn.Module):
    """Samples [b, t] as an image [b, 1, t / period, period]."""

    def __init__(self, period: int, shrink: int) -> None:
        super().__init__()
        self.period = period
        widths = [1, *(max(4, width // shrink) for width in _CHANNELS)]
        strides = [3] * (len(widths) - 2) + [1]
        layers = [
            weight_norm(nn.Conv2d(narrow, wide, (5, 1), (stride, 1), (2, 0)))
            for narrow, wide, stride in zip(widths, widths[1:], strides, strict=False)
        ]
        self.layers = nn.ModuleList(layers)
        self.verdict = weight_norm(nn.Conv2d(widths[-1], 1, (3, 1), padding=(1, 0)))

    def forward(self, samples: Tensor) -> Impressions:
        whole = samples[:, : samples.shape[1] // self.period * self.period]
        return _impressions(whole.reshape(len(whole), 1, -1, self.period), self.layers, self.verdict)


class ResolutionDiscriminator(nn.Module):
    """The spectrum of samples [b, t], real and imaginary: [b, 2, bins, frames]."""

    window: Tensor

    def __init__(self, n_fft: int, shrink: int) -> None:
        super().__init__()
        self.n_fft = n_fft
        self.register_buffer("window", torch.hann_window(n_fft), persistent=False)
        width = max(4, _SPECTRAL_CHANNELS // shrink)
        kernels = [((9, 3), (1, 1)), ((9, 3), (2, 1)), ((9, 3), (2, 1)), ((3, 3), (1, 1))]
        layers = [
            weight_norm(nn.Conv2d(width if index else 2, width, kernel, stride, (kernel[0] // 2, kernel[1] // 2)))
            for index, (kernel, stride) in enumerate(kernels)
        ]
        self.layers = nn.ModuleList(layers)
        self.verdict = weight_norm(nn.Conv2d(width, 1, (3, 3), padding=(1, 1)))

    def forward(self, samples: Tensor) -> Impressions:
        # Spectra lose too much in bf16.
        with torch.autocast(samples.device.type, enabled=False):
            spectrum = torch.stft(samples.float(), self.n_fft, self.n_fft // 4, window=self.window, return_complex=True)
        image = torch.view_as_real(spectrum).movedim(-1, 1)
        return _impressions(image, self.layers, self.verdict)


def _impressions(image: Tensor, layers: nn.ModuleList, verdict: nn.Module) -> Impressions:
    found: Impressions = []
    for layer in layers:
        image = F.leaky_relu(layer(image), _SLOPE)
        found.append(image)
    return [*found, verdict(image)]


def critics_loss(real: list[Impressions], fake: list[Impressions]) -> Tensor:
    """Hinge: verdicts on the teacher's sound above 1, on ours below -1."""
    losses = [F.relu(1 - r[-1]).mean() + F.relu(1 + f[-1]).mean() for r, f in zip(real, fake, strict=True)]
    return torch.stack(losses).mean()


def fooling_loss(real: list[Impressions], fake: list[Impressions]) -> tuple[Tensor, Tensor]:
    """How little the critics are fooled, and how far their impressions of ours are from those of the teacher's."""
    verdicts = [F.relu(1 - impressions[-1]).mean() for impressions in fake]
    distances = [
        F.l1_loss(f, r.detach())
        for rs, fs in zip(real, fake, strict=True)
        for r, f in zip(rs[:-1], fs[:-1], strict=True)
    ]
    return torch.stack(verdicts).mean(), torch.stack(distances).mean()
