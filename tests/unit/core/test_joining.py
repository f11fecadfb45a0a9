"""Cross-fades and silence removal."""

from dataclasses import replace

import numpy as np
import pytest

from f5_tts_core.joining import Fader, Speech, cross_fade, remove_silence, rounded_off
from f5_tts_core.testing import speech_like
from f5_tts_core.types import Reference, SynthesisRequest

RATE = 24_000


def ones(length: int) -> np.ndarray:
    return np.ones(length, np.float32)


class TestRoundedOff:
    def test_what_is_below_the_knee_stays_as_it_is(self) -> None:
        wave = np.linspace(-0.9, 0.9, 101, dtype=np.float32)
        np.testing.assert_array_equal(rounded_off(wave), wave)

    def test_peaks_are_bent_and_not_cut_off(self) -> None:
        wave = np.linspace(0.85, 1.3, 200, dtype=np.float32)
        bent = rounded_off(wave)
        assert (np.diff(bent) > 0).all()
        assert np.diff(bent).max() < 1.01 * np.diff(wave).max()
        assert bent.max() < 1
        np.testing.assert_array_equal(rounded_off(-wave), -bent)
        assert rounded_off(np.array([50.0], np.float32)) <= 1


class TestCrossFade:
    def test_the_fade_is_taken_from_both_waves(self) -> None:
        assert len(cross_fade([ones(10_000), ones(8_000), ones(9_000)], 0.05)) == 27_000 - 2 * 1_200

    def test_a_steady_signal_stays_steady(self) -> None:
        np.testing.assert_allclose(cross_fade([ones(5_000)] * 4, 0.1), 1.0, atol=1e-6)

    def test_it_goes_from_one_wave_to_the_other(self) -> None:
        joined = cross_fade([ones(2_400), -ones(2_400)], 0.05)
        assert joined[0] == 1
        assert joined[-1] == -1
        assert (np.diff(joined) <= 0).all()
        assert np.abs(np.diff(joined)).max() < 0.01

    def test_without_a_fade_waves_are_put_end_to_end(self) -> None:
        np.testing.assert_array_equal(cross_fade([ones(3), 2 * ones(2)], 0.0), [1, 1, 1, 2, 2])

    def test_short_waves_between_long_ones_take_part_in_one_fade_at_a_time(self) -> None:
        joined = cross_fade([ones(10_000), ones(100), ones(10_000)], 0.15)
        assert len(joined) == 20_100 - 100
        np.testing.assert_allclose(joined, 1.0, atol=1e-6)

    def test_a_wave_shorter_than_the_fade_at_the_edge(self) -> None:
        np.testing.assert_allclose(cross_fade([ones(50), ones(10_000)], 0.15), 1.0, atol=1e-6)

    def test_empty_waves_are_left_out(self) -> None:
        np.testing.assert_array_equal(cross_fade([ones(3), ones(0), ones(3)], 0.0), ones(6))
        assert len(cross_fade([], 0.15)) == 0

    def test_one_wave_stays_as_it_is(self) -> None:
        wave = speech_like(0.5).samples
        np.testing.assert_array_equal(cross_fade([wave], 0.15), wave)
        assert cross_fade([wave], 0.15).dtype == np.float32


class TestRemoveSilence:
    @staticmethod
    def _speech_around(seconds: float) -> np.ndarray:
        one = speech_like(1.0, seed=2).samples
        return np.concatenate([one, np.zeros(round(seconds * RATE), np.float32), one])

    def test_long_silences_become_half_a_second(self) -> None:
        assert len(remove_silence(self._speech_around(3.0))) / RATE == pytest.approx(2.5, abs=0.1)

    def test_short_ones_stay(self) -> None:
        wave = self._speech_around(0.4)
        np.testing.assert_array_equal(remove_silence(wave), wave)

    def test_edges_are_trimmed(self) -> None:
        wave = np.pad(speech_like(1.0, seed=2).samples, RATE)
        assert len(remove_silence(wave)) / RATE == pytest.approx(1.1, abs=0.06)

    def test_seams_do_not_click(self) -> None:
        wave = self._speech_around(3.0)
        wave = wave + 0.002 * np.sin(2 * np.pi * 50 * np.arange(len(wave)) / RATE).astype(np.float32)
        assert np.abs(np.diff(remove_silence(wave))).max() <= np.abs(np.diff(wave)).max() + 1e-4

    def test_a_wave_without_speech_stays(self) -> None:
        silence = np.zeros(RATE, np.float32)
        np.testing.assert_array_equal(remove_silence(silence), silence)


class TestFader:
    @pytest.mark.parametrize("lengths", [[5_000, 3_000, 9_000], [100, 5_000, 40, 2_000], [7_000], [3_000, 50]])
    def test_pieces_are_what_one_cross_fade_makes(self, lengths: list[int]) -> None:
        waves = [speech_like(length / RATE, seed=seed).samples for seed, length in enumerate(lengths)]
        fader = Fader(0.05)
        pieces = [fader.add(wave, last=index == len(waves) - 1) for index, wave in enumerate(waves)]
        np.testing.assert_array_equal(np.concatenate(pieces), cross_fade(waves, 0.05))

    def test_only_the_end_that_may_fade_is_held_back(self) -> None:
        fader = Fader(0.05)
        assert len(fader.add(ones(10_000), last=False)) == 10_000 - 1_200
        assert len(fader.add(ones(10_000), last=False)) == 10_000 - 1_200
        assert len(fader.add(ones(10_000), last=True)) == 10_000


class TestSpeech:
    REQUEST = SynthesisRequest("Words.", Reference(b"", ""))

    @pytest.mark.parametrize("remove", [False, True])
    def test_pieces_joined_are_the_speech(self, remove: bool) -> None:
        heard: list[np.ndarray] = []
        request = replace(self.REQUEST, remove_silence=remove)
        speech = Speech(request, 2.0, lambda piece: heard.append(piece.samples))
        waves = [np.pad(speech_like(1.0, seed=seed).samples, RATE) for seed in range(3)]
        for index, wave in enumerate(waves):
            speech.add(wave, last=index == 2)
            assert len(heard) == (0 if remove else index + 1)
        whole = speech.finish().samples
        np.testing.assert_array_equal(np.concatenate(heard), whole)
        joined = cross_fade(waves, request.cross_fade_seconds)
        np.testing.assert_array_equal(whole, (remove_silence(joined) if remove else joined) / 2)
