"""The log mel spectrogram that F5-TTS and Vocos speak: HTK filters without norm, magnitudes, log clamped at 1e-5."""

import torch
from torch import Tensor, nn

from f5_tts_core import limits

LOG_FLOOR = 1e-5


def mel_filterbank(
    n_fft: int = limits.N_FFT, n_mels: int = limits.N_MELS, sample_rate: int = limits.SAMPLE_RATE
) -> Tensor:
    """Triangular filters, evenly wide on the HTK mel scale up to half the sample rate: fp32 [n_fft / 2 + 1, n_mels]."""
    bins = torch.linspace(0, sample_rate / 2, n_fft // 2 + 1, dtype=torch.float64)
    top = 2595.0 * torch.log10(torch.tensor(1 + sample_rate / 2 / 700.0, dtype=torch.float64))
    corners = 700.0 * (10.0 ** (torch.linspace(0, float(top), n_mels + 2, dtype=torch.float64) / 2595.0) - 1)
    widths = corners.diff()
    above = (bins[:, None] - corners[:-2]) / widths[:-1]
    below = (corners[2:] - bins[:, None]) / widths[1:]
    return torch.minimum(above, below).clamp(min=0).float()


class MelSpectrogram(nn.Module):
    """Samples [b, t] at 24 kHz -> log mel, fp32 [b, n_mels, frames]; frames = t // 256 + 1, centered and reflected.

    Needs more than 512 samples: a reflection is no longer than what it reflects.
    """

    window: Tensor
    filters: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("window", torch.hann_window(limits.N_FFT), persistent=False)
        self.register_buffer("filters", mel_filterbank(), persistent=False)

    def forward(self, samples: Tensor) -> Tensor:
        spectrum = torch.stft(
            samples.float(),
            limits.N_FFT,
            limits.HOP_LENGTH,
            window=self.window,
            center=True,
            pad_mode="reflect",
            return_complex=True,
        )
        return (self.filters.T @ spectrum.abs()).clamp(min=LOG_FLOOR).log()
