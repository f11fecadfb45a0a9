"""A mel to sound without a trained vocoder: a plain, hollow sound, but one that any model can be heard by."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from f5_tts_core import limits
from f5_tts_core.network.mel import mel_filterbank

Floats = npt.NDArray[np.float64]

_TINY = 1e-12


class GriffinLim:
    """A `Vocoder`. Deterministic."""

    name = "griffin-lim"

    def __init__(
        self,
        device: torch.device | str = "cpu",
        *,
        iterations: int = 32,
        momentum: float = 0.99,
        magnitude_iterations: int = 50,
    ) -> None:
        self.iterations = iterations
        self.momentum = momentum
        self.magnitude_iterations = magnitude_iterations
        self._window = torch.hann_window(limits.N_FFT, device=device)
        self._filters = mel_filterbank().to(device)
        self._inverse = torch.linalg.pinv(self._filters)

    @torch.inference_mode()
    def decode(self, mels: Sequence[Tensor]) -> Sequence[Tensor]:
        """Log mels [frames, n_mels] -> of each, fp32 samples [(frames - 1) * 256]."""
        return [self._find_phases(self._magnitude(mel.float().exp()).T) for mel in mels]

    def _magnitude(self, mel: Tensor) -> Tensor:
        """The spectrum [frames, bins], nowhere negative, whose mel [frames, n_mels] comes closest.

        Multiplicative updates from the clamped pseudo-inverse: what is positive stays so.
        """
        magnitude: Tensor = (mel @ self._inverse).clamp(min=1e-6)
        wanted = mel @ self._filters.T
        for _ in range(self.magnitude_iterations):
            heard = magnitude @ self._filters @ self._filters.T
            magnitude = magnitude * wanted / (heard + 1e-8)
        return magnitude

    def _find_phases(self, magnitude: Tensor) -> Tensor:
        """Fast Griffin-Lim: goes from spectrum to sound and back until the phases agree with each other.

        `momentum` carries each correction on, which finds a better sound in fewer rounds.
        """
        phases = _first_phases(magnitude)
        previous = torch.zeros_like(magnitude, dtype=torch.complex64)
        for _ in range(self.iterations):
            rebuilt = self._stft(self._istft(magnitude * phases))
            carried = rebuilt - self.momentum / (1 + self.momentum) * previous
            phases = carried / carried.abs().clamp(min=_TINY)
            previous = rebuilt
        return self._istft(magnitude * phases)

    def _stft(self, samples: Tensor) -> Tensor:
        return torch.stft(samples, limits.N_FFT, limits.HOP_LENGTH, window=self._window, return_complex=True)

    def _istft(self, spectrum: Tensor) -> Tensor:
        return torch.istft(spectrum, limits.N_FFT, limits.HOP_LENGTH, window=self._window)


def _first_phases(magnitude: Tensor) -> Tensor:
    """Unit phases to start from, for a spectrum [bins, frames]: each peak goes on as a tone of its frequency would.

    Single-pass spectrogram inversion (Beauregard, Harish and Wyse 2015). No frame depends on those after it.
    """
    bins, frames = magnitude.shape
    levels = magnitude.clamp(min=_TINY).log().cpu().numpy()
    turns = np.random.default_rng(0).random(bins)
    phases = np.empty((frames, bins))
    for frame in range(frames):
        turns = phases[frame] = _carried_on(turns, levels[:, frame])
    # Those were the phases in a frame's middle; from its start a tone's bins are half a turn apart.
    angles = torch.from_numpy(2 * np.pi * (phases + 0.5 * np.arange(bins))).T
    # First narrowed: not every device has doubles.
    return torch.polar(torch.ones_like(angles), angles).to(torch.complex64).to(magnitude.device)


def _carried_on(turns: Floats, levels: Floats) -> Floats:
    """Phases [bins], in turns, one frame after `turns`: of each peak of `levels`, and of the bins nearest to it."""
    peaks = np.flatnonzero((levels[1:-1] > levels[:-2]) & (levels[1:-1] >= levels[2:])) + 1
    if not len(peaks):
        return turns
    before, top, after = levels[peaks - 1], levels[peaks], levels[peaks + 1]
    frequencies = peaks + 0.5 * (before - after) / (before - 2 * top + after)
    moved = (turns[peaks] + frequencies * limits.HOP_LENGTH / limits.N_FFT) % 1
    nearest = np.searchsorted((peaks[1:] + peaks[:-1]) / 2, np.arange(len(turns)))
    return moved[nearest]
