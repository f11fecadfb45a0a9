"""How alike two voices are, by the speaker encoder of the package Resemblyzer.

Its weights are used and its code is not: that asks for packages that no longer install or import. The network is
small: a mel spectrogram, three LSTM layers, one linear layer.
"""

from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import soxr
import torch
from torch import Tensor, nn

from f5_tts_core.types import Waveform

_SAMPLE_RATE: Final = 16_000
_WINDOW, _HOP, _BANDS = 400, 160, 40
#: Frames that the encoder was trained to judge at once (1.6 s), and how far it moves on.
_SLICE, _STEP = 160, 80
_SIZE: Final = 256
#: Of full scale: the level that quieter speech is raised to.
_RMS: Final = 10 ** (-30 / 20)


class SpeakerEncoder(nn.Module):
    """Speech to a unit vector [256] that says who speaks."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(_BANDS, _SIZE, num_layers=3, batch_first=True)
        self.linear = nn.Linear(_SIZE, _SIZE)
        self._filters = torch.from_numpy(slaney_filterbank()).float()

    def forward(self, mels: Tensor) -> Tensor:
        """Mels [b, 160, 40] to unit vectors [b, 256]."""
        _, (hidden, _) = self.lstm(mels)
        return nn.functional.normalize(torch.relu(self.linear(hidden[-1])), dim=1)

    @torch.no_grad()
    def embed(self, speech: Waveform) -> npt.NDArray[np.float32]:
        """The mean over slices of 1.6 s, every 0.8 s; what is shorter is padded with silence."""
        samples = torch.from_numpy(soxr.resample(speech.samples, speech.sample_rate, _SAMPLE_RATE)).float()
        samples = samples * max(1.0, _RMS / float(samples.square().mean().sqrt()))
        slices = max(1, 1 + round((len(samples) / _HOP - _SLICE) / _STEP))
        frames = _SLICE + (slices - 1) * _STEP
        mel = self._mel(nn.functional.pad(samples, (0, max(0, frames * _HOP - len(samples)))))
        mels = torch.stack([mel[start : start + _SLICE] for start in range(0, slices * _STEP, _STEP)])
        mean = nn.functional.normalize(self(mels).mean(dim=0), dim=0)
        vector: npt.NDArray[np.float32] = mean.numpy()
        return vector

    def _mel(self, samples: Tensor) -> Tensor:
        """Power mel spectrogram [frames, 40], not a logarithm of it."""
        spectrum = torch.stft(
            samples, _WINDOW, _HOP, window=torch.hann_window(_WINDOW), pad_mode="constant", return_complex=True
        )
        return (self._filters @ spectrum.abs().square()).T


def load_speaker_encoder() -> SpeakerEncoder:
    """The encoder with the weights that Resemblyzer's wheel brings along; on the CPU."""
    spec = find_spec("resemblyzer")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("Speaker similarity needs Resemblyzer's weights: run `make setup`.")
    path = Path(spec.origin).with_name("pretrained.pt")
    state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)["model_state"]
    encoder = SpeakerEncoder()
    encoder.load_state_dict({name: value for name, value in state.items() if not name.startswith("similarity")})
    return encoder.eval()


def similarity(left: npt.NDArray[np.float32], right: npt.NDArray[np.float32]) -> float:
    """Cosine of two unit vectors; 1 is the same voice."""
    return float(left @ right)


def slaney_filterbank() -> npt.NDArray[np.float64]:
    """Triangular filters [40, 201] of equal area, evenly wide on Slaney's mel scale up to 8 kHz."""
    corners = _slaney_to_hertz(np.linspace(0, _hertz_to_slaney(_SAMPLE_RATE / 2), _BANDS + 2))
    bins = np.linspace(0, _SAMPLE_RATE / 2, _WINDOW // 2 + 1)
    widths = np.diff(corners)
    rising = (bins - corners[:-2, None]) / widths[:-1, None]
    falling = (corners[2:, None] - bins) / widths[1:, None]
    area = 2 / (corners[2:] - corners[:-2])
    filters: npt.NDArray[np.float64] = np.maximum(0, np.minimum(rising, falling)) * area[:, None]
    return filters


# Slaney's scale: 3 mel every 200 Hz up to 1 kHz, then 27 mel for a factor of 6.4.
def _hertz_to_slaney(hertz: float) -> float:
    return 15 + 27 * float(np.log(hertz / 1000) / np.log(6.4)) if hertz > 1000 else hertz * 3 / 200


def _slaney_to_hertz(mel: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.where(mel > 15, 1000 * 6.4 ** ((mel - 15) / 27), mel * 200 / 3)
