"""Cutting long texts."""

import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from f5_tts_core import errors
from f5_tts_core.text.chunks import chunk_text, first_sentences, lasting_chunks, split_opening
from tests.long_text import SENTENCES, TEXT, changed


def at_most(characters: int):  # type: ignore[no-untyped-def]
    return lambda text: len(text) <= characters


def bare(text: str) -> str:
    return re.sub(r"\s", "", text)


class TestWhereTextIsCut:
    def test_what_fits_stays_whole(self) -> None:
        assert chunk_text("One. Two. Three.", at_most(100)) == ["One. Two. Three."]

    def test_sentences_are_packed_together(self) -> None:
        assert chunk_text("One. Two. Three. Four.", at_most(11)) == ["One. Two.", "Three.", "Four."]

    def test_then_clauses(self) -> None:
        text = "When it rained, we stayed; when it shone, we left. Good."
        assert chunk_text(text, at_most(27)) == ["When it rained, we stayed;", "when it shone, we left.", "Good."]

    def test_then_words(self) -> None:
        assert chunk_text("one two three four five", at_most(9)) == ["one two", "three", "four five"]

    def test_then_anywhere(self) -> None:
        assert chunk_text("abcdefghij kl", at_most(4)) == ["abcd", "efgh", "ij", "kl"]

    @pytest.mark.parametrize(
        "text",
        [
            "Mr. Smith and Dr. Jones met at St. Mary's.",
            "It costs 3.14 dollars or 1,000 yen.",
            "Use tools, e.g. a hammer.",
            "J. R. R. Tolkien wrote it.",
            "He said no. 5 was best.",
        ],
    )
    def test_abbreviations_and_decimals_end_no_sentence(self, text: str) -> None:
        assert chunk_text(f"{text} It ended.", at_most(len(text))) == [text, "It ended."]

    def test_quotes_stay_with_their_sentence(self) -> None:
        assert chunk_text('"Go!" he said. "Now."', at_most(15)) == ['"Go!" he said.', '"Now."']

    def test_full_width_punctuation_needs_no_space(self) -> None:
        text = "今天天气很好，我们去公园吧。你好吗？很好！"
        assert chunk_text(text, at_most(14)) == ["今天天气很好，我们去公园吧。", "你好吗？很好！"]
        assert chunk_text(text, at_most(7)) == ["今天天气很好，", "我们去公园吧。", "你好吗？很好！"]

    def test_an_accent_is_not_torn_from_its_letter(self) -> None:
        assert chunk_text("abe\u0301cd", at_most(3)) == ["ab", "e\u0301c", "d"]


class TestTheOpening:
    @staticmethod
    def opening(text: str, least: int = 8, most: int = 24) -> str:
        def long_enough(piece: str) -> bool:
            return len(piece) >= least

        opening, rest = split_opening(text, long_enough=long_enough, short_enough=at_most(most))
        assert opening + rest == text
        return opening

    def test_is_a_sentence(self) -> None:
        assert self.opening("We met, then parted. It rained, and we went home.") == "We met, then parted. "

    def test_is_as_many_as_it_takes_to_be_long_enough(self) -> None:
        assert self.opening("Oh. No. We are late again. Come now.") == "Oh. No. We are late again. "

    def test_is_a_clause_where_the_sentence_is_long(self) -> None:
        assert self.opening("When it rained, we stayed in the house all day.") == "When it rained, "

    def test_is_a_long_sentence_where_nothing_shorter_is_there(self) -> None:
        assert self.opening("A sentence that goes on and on. And, well, more.") == "A sentence that goes on and on. "

    def test_is_all_of_a_short_text(self) -> None:
        assert self.opening("Hi.") == "Hi."


class TestEdges:
    def test_nothing_has_no_chunks(self) -> None:
        assert chunk_text("  \n ", at_most(10)) == []

    def test_what_never_fits_is_refused(self) -> None:
        with pytest.raises(errors.TooLongText):
            chunk_text("hello", lambda _: False)

    @settings(max_examples=200, deadline=None)
    @given(st.text(alphabet=st.sampled_from("ab .,;!?\n—(\"'。，e\u0301-12"), max_size=80), st.integers(1, 20))
    def test_every_chunk_fits_and_no_character_is_lost(self, text: str, limit: int) -> None:
        chunks = chunk_text(text, at_most(limit))
        assert all(0 < len(chunk) <= limit for chunk in chunks)
        assert all(chunk == chunk.strip() for chunk in chunks)
        assert bare("".join(chunks)) == bare(text)

    @pytest.mark.parametrize(
        "part", ["a", "a. ", "a,", "Mr. ", " ", ".", ". ", ".'", "—)", "。", "e\u0301", "\n", "a-"]
    )
    def test_time_is_in_proportion_to_the_text(self, part: str) -> None:
        text = part * (100_000 // len(part))
        started = time.perf_counter()
        chunk_text(text, at_most(200))
        assert time.perf_counter() - started < 5


class TestTextThatIsStillWritten:
    @pytest.mark.parametrize(
        ("text", "whole"),
        [
            ("One. Two. Thr", "One. Two. "),
            ("One. ", ""),
            ("Mr. Smith went. He", "Mr. Smith went. "),
            ("Version 2. and on", ""),
            ("好的。再见", "好的。"),
            ("Title\nText", "Title\n"),
            ("", ""),
        ],
    )
    def test_sentences_are_whole_once_something_follows(self, text: str, whole: str) -> None:
        assert first_sentences(text, at_most(100), may_go_on=True) == whole

    def test_what_is_over_is_whole(self) -> None:
        assert first_sentences("One. Tw", at_most(100), may_go_on=False) == "One. Tw"

    def test_no_more_than_fits(self) -> None:
        assert first_sentences("One. Two. Three. Four", at_most(10), may_go_on=True) == "One. Two. "

    def test_a_sentence_that_does_not_fit_is_cut_before_it_is_whole(self) -> None:
        assert first_sentences("one two three four", at_most(9), may_go_on=True) == "one two "
        assert first_sentences("one two, three four", at_most(9), may_go_on=True) == "one two, "


class TestTextThatIsEdited:
    @pytest.mark.parametrize(
        "edited",
        [
            TEXT.replace("house 12", "the next house"),
            "It begins otherwise. " + TEXT,
            TEXT.replace(SENTENCES[9] + " ", ""),
            TEXT + " And it goes on.",
        ],
        ids=["a word", "a beginning", "a sentence less", "an end"],
    )
    def test_keeps_the_chunks_that_the_edit_does_not_touch(self, edited: str) -> None:
        before, after = lasting_chunks(TEXT, at_most(150)), lasting_chunks(edited, at_most(150))
        assert len(before) > 12
        assert 1 <= len(changed(before, after)) <= 4

    def test_is_all_spoken_in_pieces_that_fit(self) -> None:
        chunks = lasting_chunks(TEXT, at_most(150))
        assert " ".join(chunks) == TEXT
        assert all(len(chunk) <= 150 for chunk in chunks)

    def test_has_no_chunk_in_which_there_is_nothing_to_say(self) -> None:
        assert lasting_chunks("One.\n***\n– – –\nTwo.", at_most(5)) == ["One.", "Two."]

    def test_is_one_chunk_where_it_is_short(self) -> None:
        assert lasting_chunks(" Good morning. ", at_most(150)) == ["Good morning."]
