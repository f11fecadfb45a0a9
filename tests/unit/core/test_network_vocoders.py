"""Mel front end and mel inversion, by what they do to sound."""

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

from f5_tts_core.network.griffin_lim import GriffinLim
from f5_tts_core.network.mel import MelSpectrogram, mel_filterbank


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    yield
    torch.set_num_threads(threads)


def voice(seconds: float = 1.0, pitch: float = 140.0) -> Tensor:
    """Harmonics that swell and fade: [1, samples]."""
    time = torch.arange(round(seconds * 24_000)) / 24_000
    harmonics = [torch.sin(2 * torch.pi * pitch * k * time) / k for k in range(1, 30)]
    return 0.1 * torch.stack(harmonics).sum(dim=0)[None] * (1.1 + torch.sin(2 * torch.pi * 3 * time))


def test_each_filter_is_a_triangle_within_the_spectrum() -> None:
    filters = mel_filterbank()
    assert filters.shape == (513, 100)
    assert (filters >= 0).all()
    assert (filters <= 1).all()
    peaks = filters[:, 20:].argmax(dim=0)
    assert (peaks.diff() > 0).all()


def test_a_tone_is_loudest_in_the_band_that_holds_it() -> None:
    time = torch.arange(24_000) / 24_000
    mel = MelSpectrogram()(torch.sin(2 * torch.pi * 3_000 * time)[None])
    assert mel.shape == (1, 100, 94)
    expected = mel_filterbank()[round(3_000 / 24_000 * 1024)].argmax()
    assert (mel[0, :, 5:-5].argmax(dim=0) == expected).all()


def test_silence_is_the_floor() -> None:
    mel = MelSpectrogram()(torch.zeros(1, 2_000))
    torch.testing.assert_close(mel, torch.full_like(mel, 1e-5).log())


def test_griffin_lim_gives_a_sound_with_the_same_mel() -> None:
    mel = MelSpectrogram()(voice())
    (samples,) = GriffinLim().decode([mel[0].T])
    assert samples.shape == ((mel.shape[-1] - 1) * 256,)
    assert samples.dtype == torch.float32
    heard = MelSpectrogram()(samples[None])
    inner = slice(4, -4)
    loud = mel[..., inner] > -4
    assert (heard[..., inner] - mel[..., inner])[loud].abs().mean() < 0.25


def test_griffin_lim_is_deterministic_and_independent_of_the_batch() -> None:
    mels = [MelSpectrogram()(voice(pitch=pitch))[0].T for pitch in (110.0, 220.0)]
    vocoder = GriffinLim()
    together = vocoder.decode(mels)
    torch.rand(3)  # the process-wide generator has no say
    for mel, sound in zip(mels, together, strict=True):
        torch.testing.assert_close(vocoder.decode([mel])[0], sound, atol=0, rtol=0)


@pytest.mark.parametrize("frames", [4, 5, 30])
def test_griffin_lim_takes_short_and_silent_mels(frames: int) -> None:
    (samples,) = GriffinLim().decode([torch.full((frames, 100), 1e-5).log()])
    assert samples.shape == ((frames - 1) * 256,)
    assert samples.abs().max() < 1e-2


def test_a_steady_tone_needs_no_rounds_to_be_found() -> None:
    tone = torch.sin(2 * torch.pi * 1_012.3 * torch.arange(24_000) / 24_000)
    (samples,) = GriffinLim(iterations=0).decode([MelSpectrogram()(tone[None])[0].T])
    spectrum = torch.fft.rfft(samples * torch.hann_window(len(samples))).abs()
    peak = int(spectrum.argmax())
    assert abs(peak / len(samples) * 24_000 - 1_012.3) < 12  # half a bin: all that a mel tells
    assert spectrum[peak - 5 : peak + 6].square().sum() > 0.95 * spectrum.square().sum()
