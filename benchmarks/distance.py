"""How far two utterances of the same words are apart in sound, whatever their timing."""

from typing import Final

import numpy as np
import numpy.typing as npt
import torch

from f5_tts_core.network.mel import MelSpectrogram
from f5_tts_core.types import Waveform

Frames = npt.NDArray[np.float64]

#: Cepstral coefficients that are compared; the zeroth, loudness, is left out.
_COEFFICIENTS: Final = 13
#: From natural logarithms of amplitudes to dB, for coefficients that weigh whole cosines.
DECIBELS: Final = float(10 * np.sqrt(2) / np.log(10))


def mel_cepstral_distance(left: Waveform, right: Waveform) -> float:
    """Mean distance in dB over the cheapest alignment of the two."""
    return DECIBELS * aligned_distance(mel_cepstrum(left), mel_cepstrum(right))


def mel_cepstrum(speech: Waveform) -> Frames:
    """Coefficients of each frame of the model's own log mel: [frames, 13]."""
    return cepstrum_of(MelSpectrogram()(torch.from_numpy(speech.samples)[None])[0].T.numpy().astype(np.float64))


def cepstrum_of(log_mel: Frames) -> Frames:
    """[frames, bands] to coefficients 1 to 13, each the amplitude of a cosine over the bands: [frames, 13]."""
    bands = log_mel.shape[1]
    orders = np.arange(1, _COEFFICIENTS + 1)
    basis = np.cos(np.pi / bands * (np.arange(bands)[:, None] + 0.5) * orders) * 2 / bands
    cepstrum: Frames = log_mel @ basis
    return cepstrum


def aligned_distance(left: Frames, right: Frames) -> float:
    """Dynamic time warping of [n, d] to [m, d]: the mean Euclidean distance along the cheapest path.

    A path goes from both beginnings to both ends, one frame further in one or in both at each step.
    """
    costs = np.linalg.norm(left[:, None] - right[None], axis=2)
    total = np.full((len(left) + 1, len(right) + 1), np.inf)
    steps = np.zeros(total.shape, dtype=np.int64)
    total[0, 0] = 0
    for i in range(1, len(left) + 1):
        for j in range(1, len(right) + 1):
            before = min((i - 1, j - 1), (i - 1, j), (i, j - 1), key=lambda cell: total[cell])
            total[i, j] = total[before] + costs[i - 1, j - 1]
            steps[i, j] = steps[before] + 1
    return float(total[-1, -1] / steps[-1, -1])
