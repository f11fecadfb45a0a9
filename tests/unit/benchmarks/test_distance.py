"""Alignment, and what the cepstral distance is and is not moved by."""

import numpy as np
import numpy.typing as npt
import pytest

from benchmarks.distance import DECIBELS, aligned_distance, cepstrum_of, mel_cepstral_distance
from f5_tts_core.types import Waveform


def frames(*values: float) -> npt.NDArray[np.float64]:
    return np.array(values)[:, None]


def test_timing_costs_nothing() -> None:
    assert aligned_distance(frames(0, 1, 2), frames(0, 0, 0, 1, 2, 2)) == 0


def test_the_cheapest_path_is_found_and_its_mean_taken() -> None:
    # Straight on, one step of three costs 1; every detour costs more.
    assert aligned_distance(frames(0, 1, 0), frames(0, 2, 0)) == pytest.approx(1 / 3)
    assert aligned_distance(frames(0), frames(3)) == 3


def test_the_ends_must_meet() -> None:
    assert aligned_distance(frames(5, 0, 0), frames(0, 0, 0)) > 0


def noise(seed: int, *, tilt: float = 0.0) -> Waveform:
    white = np.random.default_rng(seed).standard_normal(12_000) * 0.05
    return Waveform((white[1:] - tilt * white[:-1]).astype(np.float32))


def test_loudness_is_not_sound_but_timbre_is() -> None:
    plain = noise(1)
    louder = Waveform(plain.samples * np.float32(2))

    assert mel_cepstral_distance(plain, louder) == pytest.approx(0, abs=1e-3)
    assert mel_cepstral_distance(plain, noise(1, tilt=0.9)) > 2 * mel_cepstral_distance(plain, noise(2))


def test_a_ripple_of_known_depth_has_its_distance_in_decibels() -> None:
    # cos(2 x) of amplitude 1 in log amplitude: root mean square 1/sqrt(2), times 20/ln(10).
    ripple = np.cos(2 * np.pi * (np.arange(100) + 0.5) / 100)
    cepstra = cepstrum_of(np.stack([ripple, ripple])), cepstrum_of(np.zeros((2, 100)))
    assert DECIBELS * aligned_distance(*cepstra) == pytest.approx(20 / np.log(10) / np.sqrt(2))
