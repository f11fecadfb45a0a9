"""Preparing references: trimming, level, cutting audio and transcript together."""

import tempfile
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

from f5_tts_core import errors
from f5_tts_core.alignment import Pause, Rank, align, pauses_between, word_ends
from f5_tts_core.audio.activity import Span
from f5_tts_core.cutting import cut_with_transcript
from f5_tts_core.reference import check_upload, prepare_reference
from f5_tts_core.testing import speech_like, wav_bytes

SAMPLE = Path(__file__).parents[3] / "f5_tts_core/assets/sample"
SENTENCE = "I know that you can hear the sound of my voice."


def silence(seconds: float) -> np.ndarray:
    return np.zeros(round(seconds * 24_000), np.float32)


@pytest.fixture(scope="module")
def sentence() -> np.ndarray:
    """The sample that ships, spoken in 2.41 s, trimmed to the speech."""
    return prepare_reference((SAMPLE / "reference.wav").read_bytes(), SENTENCE).audio.samples[1_200:-1_200]


@pytest.fixture(scope="module")
def three_sentences(sentence: np.ndarray) -> bytes:
    pause = silence(0.45)
    return wav_bytes(np.concatenate([sentence, pause, sentence, pause, sentence]))


class TestTrimming:
    def test_silent_edges_are_cut_to_fifty_milliseconds(self) -> None:
        speech = speech_like(2.0, seed=1).samples
        clip = prepare_reference(wav_bytes(np.concatenate([silence(1.0), speech, silence(2.0)])), None)
        assert clip.audio.seconds == pytest.approx(2.1, abs=0.05)
        assert clip.report.original_seconds == pytest.approx(5.0)
        assert clip.report.seconds == clip.audio.seconds
        assert not clip.report.cut

    def test_edges_do_not_click(self) -> None:
        clip = prepare_reference(wav_bytes(speech_like(2.0, seed=1)), None)
        assert clip.audio.samples[0] == 0
        assert clip.audio.samples[-1] == 0

    def test_the_clip_is_float32_at_24_khz(self) -> None:
        clip = prepare_reference(wav_bytes(speech_like(2.0, sample_rate=44_100)), None)
        assert clip.audio.samples.dtype == np.float32
        assert clip.audio.sample_rate == 24_000


class TestLevel:
    def test_quiet_clips_are_raised_and_the_gain_is_told(self) -> None:
        clip = prepare_reference(wav_bytes(speech_like(2.0).samples * 0.2), None, target_rms=0.1)
        assert float(np.sqrt(np.mean(clip.audio.samples**2))) == pytest.approx(0.1, rel=1e-3)
        assert clip.gain == pytest.approx(5.0, rel=0.05)
        assert clip.report.rms == pytest.approx(0.02, rel=0.05)

    def test_loud_clips_stay_as_they_are(self) -> None:
        clip = prepare_reference(wav_bytes(speech_like(2.0).samples * 2), None, target_rms=0.1)
        assert clip.gain == 1.0
        assert clip.report.rms == pytest.approx(0.2, rel=0.05)


class TestCuttingWithTranscript:
    def test_short_enough_clips_keep_every_word(self, three_sentences: bytes) -> None:
        text = " ".join([SENTENCE] * 3)
        clip = prepare_reference(three_sentences, text, max_seconds=12.0)
        assert clip.text == text
        assert not clip.report.cut

    @pytest.mark.parametrize(("max_seconds", "sentences"), [(3.0, 1), (4.5, 1), (5.5, 2), (7.5, 2)])
    def test_whole_sentences_are_kept(self, three_sentences: bytes, max_seconds: float, sentences: int) -> None:
        clip = prepare_reference(three_sentences, " ".join([SENTENCE] * 3), max_seconds=max_seconds)
        assert clip.text == " ".join([SENTENCE] * sentences)
        assert clip.audio.seconds == pytest.approx(2.41 * sentences + 0.45 * (sentences - 1), abs=0.15)
        assert clip.audio.seconds <= max_seconds
        assert clip.report.cut

    def test_a_clause_is_taken_where_no_sentence_fits(self) -> None:
        spans = [Span(0, 1.6), Span(1.9, 3.4), Span(3.9, 5.5)]
        text = "When the rain had stopped, we walked down to the harbor. Nobody was there at all."
        cut = cut_with_transcript(spans, text, max_seconds=3.0)
        assert text[: cut.characters] == "When the rain had stopped,"
        assert cut.seconds == pytest.approx(1.65)

    def test_without_a_pause_it_says_why_and_what_is_accepted(self, sentence: np.ndarray) -> None:
        without_pause = wav_bytes(np.concatenate([sentence, sentence]))
        with pytest.raises(errors.UncuttableReference, match=r"no pause .* Send at most 2 s"):
            prepare_reference(without_pause, f"{SENTENCE} {SENTENCE}", max_seconds=2.0)

    def test_a_pause_that_could_be_anywhere_is_not_guessed_at(self) -> None:
        """Equal words, no punctuation, and a pause half-way between two of their ends."""
        words = "bada " * 24
        ends = word_ends(words, 6.0)
        middle = (ends[7].speech + ends[8].speech) / 2
        with pytest.raises(errors.UncuttableReference, match="not sure"):
            cut_with_transcript([Span(0, middle), Span(middle + 0.3, 6.3)], words, max_seconds=3.0)


class TestCuttingWithoutTranscript:
    def test_the_last_pause_that_fits_is_taken(self, three_sentences: bytes) -> None:
        clip = prepare_reference(three_sentences, None, max_seconds=3.0)
        assert clip.audio.seconds == pytest.approx(2.46, abs=0.1)
        assert clip.text is None

    def test_without_a_pause_the_quietest_moment_is_taken(self, sentence: np.ndarray) -> None:
        clip = prepare_reference(wav_bytes(np.concatenate([sentence, sentence])), None, max_seconds=2.0)
        assert 1.35 <= clip.audio.seconds <= 2.0
        assert clip.report.cut


class TestTranscript:
    @pytest.mark.parametrize("text", ["Hi.", SENTENCE * 40])
    def test_far_too_little_or_too_much_text_is_refused(self, text: str) -> None:
        with pytest.raises(errors.TranscriptMismatch, match="far too"):
            prepare_reference(wav_bytes(speech_like(8.0)), text)

    def test_a_transcript_without_words_is_refused(self) -> None:
        with pytest.raises(errors.EmptyText):
            prepare_reference(wav_bytes(speech_like(2.0)), "... !")

    def test_nobody_can_read_it_in_a_repr(self) -> None:
        clip = prepare_reference((SAMPLE / "reference.wav").read_bytes(), SENTENCE)
        assert "voice" not in repr(clip)


class TestAlignment:
    SPANS: ClassVar = [Span(0, 1.0), Span(1.4, 3.4), Span(3.9, 5.0)]

    def test_pauses_know_what_was_said_before_them(self) -> None:
        assert pauses_between(self.SPANS) == [Pause(1.0, 1.0, pytest.approx(0.4)), Pause(3.4, 3.0, pytest.approx(0.5))]

    def test_ranks_follow_punctuation(self) -> None:
        ends = word_ends('One, two "three." Four', 2.0)
        assert [end.rank for end in ends] == [Rank.CLAUSE, Rank.WORD, Rank.SENTENCE, Rank.WORD]
        assert ends[-1].speech == pytest.approx(2.0)

    def test_chinese_ends_at_its_own_punctuation(self) -> None:
        text = "今天天气很好，我们去公园吧。你好"
        assert [text[: end.characters] for end in word_ends(text, 3.0)] == [
            "今天天气很好，",
            "今天天气很好，我们去公园吧。",
            text,
        ]

    def test_probabilities_of_a_pause_never_exceed_one(self) -> None:
        pairs = align(self.SPANS, "This is one thing, that is quite another thing altogether. So it is said.")
        for pause in pauses_between(self.SPANS):
            assert 0 < sum(pair.probability for pair in pairs if pair.pause.at == pause.at) <= 1 + 1e-9

    def test_a_clip_of_two_minutes_is_aligned_in_no_time(self) -> None:
        spans = [Span(i * 0.4, i * 0.4 + 0.3) for i in range(300)]
        assert len(align(spans, "a " * 500)) > 300

    def test_a_single_word_has_nothing_to_align(self) -> None:
        assert align(self.SPANS, "Incomprehensibilities") == []


def test_a_check_is_a_preparation_thrown_away() -> None:
    with tempfile.TemporaryFile() as file:
        file.write(wav_bytes(speech_like(2.0)))
        assert check_upload(file, None).seconds == pytest.approx(2.0, abs=0.1)
