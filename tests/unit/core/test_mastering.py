"""Loudness held to the standard's own values, and speech as a request asked for it."""

from collections.abc import Iterable

import numpy as np
import pytest

from f5_tts_core import errors
from f5_tts_core.audio.loudness import (
    TRUE_PEAK_CEILING,
    Source,
    at_loudness,
    measure,
    measure_integrated,
    source_at_loudness,
)
from f5_tts_core.formats import SAMPLE_RATES
from f5_tts_core.mastering import master
from f5_tts_core.testing import speech_like
from f5_tts_core.types import Waveform


def tone(decibels: float, seconds: float, *, rate: int = 48_000, hertz: float = 997.0) -> Waveform:
    time_axis = np.arange(round(seconds * rate)) / rate
    return Waveform((10 ** (decibels / 20) * np.sin(2 * np.pi * hertz * time_axis)).astype(np.float32), rate)


def joined(*parts: Waveform) -> Waveform:
    return Waveform(np.concatenate([part.samples for part in parts]), parts[0].sample_rate)


def peaky(seconds: float = 5.0) -> Waveform:
    """Speech with a sharp click each half second, 20 dB above it."""
    samples = speech_like(seconds, seed=3).samples * 0.3
    samples[12_000::12_000] = 0.9
    return Waveform(samples)


class TestMeasure:
    @pytest.mark.parametrize("rate", SAMPLE_RATES)
    def test_the_standards_own_tone_reads_what_it_says(self, rate: int) -> None:
        """BS.1770: a 997 Hz sine at full scale in one channel reads -3.01 LKFS."""
        assert measure(tone(0.0, 3.0, rate=rate)).integrated == pytest.approx(-3.01, abs=0.1)

    def test_low_tones_count_less(self) -> None:
        """BS.1770's curve at 50 Hz, 25 Hz: about -3.7 and -12.6 dB beside 997 Hz."""
        fall = [measure(tone(-20, 3.0, hertz=hertz)).integrated for hertz in (50.0, 25.0)]
        assert fall == pytest.approx([-23.01 - 3.7, -23.01 - 11.5], abs=1.0)

    def test_quiet_stretches_are_gated(self) -> None:
        """EBU Tech 3341, case 3, in one channel, which is 3 dB less than in two."""
        signal = joined(tone(-36, 10), tone(-23, 60), tone(-36, 10))
        assert measure(signal).integrated == pytest.approx(-26.0, abs=0.1)

    def test_a_peak_between_samples_is_found(self) -> None:
        """A quarter of the rate, with the samples 45 degrees beside the peaks: 3 dB below them."""
        phase = np.pi / 2 * np.arange(48_000) + np.pi / 4
        swelling = 0.5 * np.hanning(48_000) * np.sin(phase)
        found = measure(Waveform(swelling.astype(np.float32), 48_000))
        assert np.abs(swelling).max() < 0.36
        assert found.true_peak == pytest.approx(-6.02, abs=0.2)

    def test_short_clips_have_a_loudness_too(self) -> None:
        assert measure(tone(-20, 0.1)).integrated == pytest.approx(-23.01, abs=0.2)

    @pytest.mark.parametrize("samples", [0, 1, 48_000])
    def test_silence_has_none(self, samples: int) -> None:
        assert measure(Waveform(np.zeros(samples, np.float32))).integrated is None

    @pytest.mark.parametrize("signal", [tone(-20, 3.0), tone(-20, 0.1), Waveform(np.zeros(0, np.float32))])
    def test_asked_for_alone_it_reads_the_same(self, signal: Waveform) -> None:
        assert measure_integrated(signal) == measure(signal).integrated


class TestAtLoudness:
    @pytest.mark.parametrize("target", [-30.0, -23.0, -16.0])
    def test_speech_reaches_its_target_by_gain_alone(self, target: float) -> None:
        speech = speech_like(4.0, seed=7)
        raised = at_loudness(speech, target)
        assert measure(raised).integrated == pytest.approx(target, abs=0.1)
        gain = raised.samples[1_000] / speech.samples[1_000]
        np.testing.assert_allclose(raised.samples, speech.samples * gain, rtol=1e-4, atol=1e-6)

    @pytest.mark.parametrize("target", [-16.0, -12.0, -5.0])
    def test_peaks_never_pass_the_ceiling(self, target: float) -> None:
        limited = at_loudness(peaky(), target)
        assert len(limited.samples) == len(peaky().samples)
        assert measure(limited).true_peak <= TRUE_PEAK_CEILING + 0.01
        assert float(np.abs(limited.samples).max()) < 1.0

    def test_speech_with_peaks_reaches_an_honest_target_nevertheless(self) -> None:
        found = measure(peaky())
        assert found.integrated is not None
        assert found.true_peak - 16 - found.integrated > TRUE_PEAK_CEILING, "gain alone would do"
        assert measure(at_loudness(peaky(), -16.0)).integrated == pytest.approx(-16.0, abs=0.2)

    def test_limiting_shifts_nothing(self) -> None:
        before, after = peaky().samples, at_loudness(peaky(), -12.0).samples
        lags = np.correlate(after[30_000:34_000], before[29_936:34_064], "valid")
        assert int(np.argmax(lags)) == 64

    def test_what_was_limited_is_read_without_limiting_it_again(self) -> None:
        passes = []

        def source() -> list[np.ndarray]:
            passes.append(1)
            return [peaky().samples]

        def keep(signal: Iterable[np.ndarray]) -> Source:
            pieces = [*signal]
            return lambda: pieces

        levelled = source_at_loudness(source, 24_000, -12.0, keep)
        gone_through = len(passes)
        np.testing.assert_array_equal(np.concatenate([*levelled()]), at_loudness(peaky(), -12.0).samples)
        assert len(passes) == gone_through

    def test_silence_stays_silent(self) -> None:
        silence = Waveform(np.zeros(24_000, np.float32))
        assert at_loudness(silence, -16.0) is silence


class TestMaster:
    def test_as_it_was_spoken(self) -> None:
        speech = speech_like(2.0)
        mastered = master(speech, sample_rate=24_000)
        np.testing.assert_array_equal(mastered.audio.samples, speech.samples)
        assert mastered.peak_dbfs == pytest.approx(20 * np.log10(np.abs(speech.samples).max()), abs=0.006)

    @pytest.mark.parametrize("rate", SAMPLE_RATES)
    def test_a_tone_keeps_its_pitch_and_length_at_every_rate(self, rate: int) -> None:
        audio = master(tone(-6, 1.0, rate=24_000, hertz=1_000.0), sample_rate=rate).audio
        assert (audio.sample_rate, len(audio.samples)) == (rate, rate)
        assert np.argmax(np.abs(np.fft.rfft(audio.samples))) == 1_000

    def test_what_a_low_rate_cannot_hold_is_gone_and_not_folded_back(self) -> None:
        audio = master(tone(-6, 1.0, rate=24_000, hertz=5_000.0), sample_rate=8_000).audio
        assert float(np.abs(audio.samples[400:-400]).max()) < 1e-3

    def test_both_ends_are_trimmed_and_pauses_stay(self) -> None:
        silence = Waveform(np.zeros(24_000, np.float32))
        word = speech_like(1.0, seed=3)
        audio = master(joined(silence, word, silence, word, silence), sample_rate=24_000, trim=True).audio
        assert audio.seconds == pytest.approx(3.1, abs=0.05)

    def test_silence_is_not_trimmed_away(self) -> None:
        mastered = master(Waveform(np.zeros(24_000, np.float32)), sample_rate=48_000, loudness=-16.0, trim=True)
        assert mastered.audio.seconds == 1.0
        assert mastered.peak_dbfs is None

    def test_loudness_is_that_of_what_is_left_at_the_rate_it_leaves(self) -> None:
        padded = joined(Waveform(np.zeros(24_000, np.float32)), speech_like(2.0, seed=3))
        mastered = master(padded, sample_rate=8_000, loudness=-20.0, trim=True)
        assert measure_integrated(mastered.audio) == pytest.approx(-20.0, abs=0.1)

    def test_nan_is_refused(self) -> None:
        with pytest.raises(errors.NotFiniteOutput):
            master(Waveform(np.full(24_000, np.nan, np.float32)), sample_rate=24_000, loudness=-16.0)
