"""Vocabularies, front ends, and bringing text to what a vocabulary can write."""

import time
from contextlib import suppress
from pathlib import Path
from string import ascii_lowercase

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from f5_tts_core import errors
from f5_tts_core.text.front_end import front_end, join_reference
from f5_tts_core.text.normalization import normalize
from f5_tts_core.text.numbers import spell_numbers
from f5_tts_core.text.vocabulary import Vocabulary, load_vocabulary

LETTERS = Vocabulary([" ", *ascii_lowercase, *",.!?'"])
#: Punctuation, digits, both cases and some accents, and syllables for two Chinese characters.
_SIGNS, _LETTERS = " !\"#$%&'()*+,-./0123456789:;=?@", map(chr, [*range(65, 91), *range(97, 123)])
LARGE = Vocabulary([*_SIGNS, *_LETTERS, *"éüñ。", "ni2", "ni3", "hao3"])


def tiny(text: str) -> str:
    return normalize(text, LETTERS, "lowercase-characters")


def large(text: str) -> str:
    return normalize(text, LARGE, "pinyin")


class TestVocabulary:
    def test_a_token_is_its_lines_number(self) -> None:
        assert LETTERS.tokens[0] == " "
        assert LETTERS.encode(["a", " ", "z"]) == [1, 0, 26]
        assert len(LETTERS) == 32

    def test_tokens_may_be_line_separators_of_unicode(self, tmp_path: Path) -> None:
        path = tmp_path / "vocab.txt"
        path.write_text(" \n\u2028\nb\n", encoding="utf-8")
        assert load_vocabulary(path).tokens == (" ", "\u2028", "b")

    def test_the_last_line_may_lack_its_end(self, tmp_path: Path) -> None:
        path = tmp_path / "vocab.txt"
        path.write_text(" \na", encoding="utf-8")
        assert load_vocabulary(path).tokens == (" ", "a")

    def test_a_token_that_stands_twice_has_its_later_index(self) -> None:
        vocabulary = Vocabulary([" ", "a", "b", "a"])
        assert vocabulary.encode(["a"]) == [3]
        assert len(vocabulary) == 4

    def test_unknown_tokens_are_named_once_in_order(self) -> None:
        assert LETTERS.unknown(["é", "a", "ß", "é"]) == ["é", "ß"]
        assert "é" not in LETTERS

    def test_a_neutral_tone_that_is_missing_takes_another(self) -> None:
        vocabulary = Vocabulary([" ", "ge1", "ge4", "de", "de2"])
        assert vocabulary.encode(["ge", "de"]) == [2, 3]
        assert vocabulary.unknown(["ge", "ge3", "le"]) == ["ge3", "le"]

    def test_nothing_unknown_is_read_as_a_space(self) -> None:
        with pytest.raises(errors.UnsupportedCharacters, match="é"):
            LETTERS.encode(["é"])

    def test_missing_and_broken_files(self, tmp_path: Path) -> None:
        with pytest.raises(errors.MissingModelFile, match=r"nowhere\.txt"):
            load_vocabulary(tmp_path / "nowhere.txt")
        (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
        with pytest.raises(errors.CheckpointMismatch, match="UTF-8"):
            load_vocabulary(tmp_path / "binary")
        (tmp_path / "empty").write_bytes(b"")
        with pytest.raises(errors.CheckpointMismatch, match="empty"):
            load_vocabulary(tmp_path / "empty")


class TestFrontEnd:
    def test_characters(self) -> None:
        assert front_end("characters")("Ab c") == ["A", "b", " ", "c"]
        assert front_end("lowercase-characters")("Ab c") == ["a", "b", " ", "c"]

    def test_pinyin_reads_a_character_by_its_neighbours(self) -> None:
        assert front_end("pinyin")("银行 你好") == [" ", "yin2", " ", "hang2", " ", " ", "ni2", " ", "hao3"]

    def test_an_unknown_name_lists_the_known(self) -> None:
        with pytest.raises(errors.ModelError, match=r"'bytes'.*pinyin, characters, lowercase-characters"):
            front_end("bytes")

    @pytest.mark.parametrize(
        ("reference", "joined"),
        [
            ("Hello", "Hello. Yes."),
            ("Hello.", "Hello. Yes."),
            ("Hello. ", "Hello. Yes."),
            ("Hello,", "Hello. Yes."),
            ("Hello!", "Hello! Yes."),
            ("你好。", "你好。Yes."),
        ],
    )
    def test_the_transcript_ends_as_a_sentence(self, reference: str, joined: str) -> None:
        assert join_reference(reference, " Yes.", list) == list(joined)


class TestHarmlessChanges:
    @pytest.mark.parametrize(
        ("text", "written"),
        [
            ("Hello, world!", "Hello, world!"),
            ("It’s “fine”", "It's fine"),
            ("a  b\tc\nd", "a b c d"),
            ("cafe\u0301 naïve", "cafe naive"),
            ("Straße, Ærø, Łódź", "Strasse, Aero, Lodz"),
            ("ﬁne ｗｉｄｅ", "fine wide"),
            ("one — two", "one, two"),
            ("one; two: three", "one, two, three"),
            ("well-known", "well known"),
            ("wait… what", "wait... what"),
            ("yes (maybe) no", "yes, maybe, no"),
            ("soft\u00adhyphen and\u200b nothing\ufeff", "softhyphen and nothing"),
            ("bell\x07 and null\x00", "bell and null"),
            ("Tom & Jerry @ home", "Tom and Jerry at home"),
            ("1 + 1 = 2", "one plus one equals two"),
            ("Title\n\nText", "Title. Text"),
            ("Title!\n\nText", "Title! Text"),
            ("。yes", "yes"),
        ],
    )
    def test_are_made_where_the_vocabulary_needs_them(self, text: str, written: str) -> None:
        assert tiny(text) == written

    @pytest.mark.parametrize(
        "text", ["Hello; world: (yes) & 42% @ $5 - 'ok' \"so\"", "Café Zürich mañana", "hello , world", "你好。"]
    )
    def test_are_not_made_where_it_does_not(self, text: str) -> None:
        assert large(text) == text

    def test_an_accent_goes_only_if_the_letter_with_it_is_unknown(self) -> None:
        assert large("é è") == "é e"

    def test_digits_of_other_scripts_become_ours(self) -> None:
        assert large("٣ and ５") == "3 and 5"

    def test_without_a_vocabulary_only_spaces_change(self) -> None:
        assert normalize(" é  🙂\n", None, None) == "é 🙂"

    @given(st.text(alphabet=st.sampled_from("aB .,!?'é—–“0-5%$;(\n&"), max_size=60))
    def test_doing_it_twice_changes_nothing_more(self, text: str) -> None:
        try:
            once = tiny(text)
        except errors.EmptyText:
            return
        assert tiny(once) == once
        assert not LETTERS.unknown(list(once.lower()))


class TestReports:
    def test_what_cannot_be_read_is_named_with_its_code_point(self) -> None:
        with pytest.raises(errors.UnsupportedCharacters) as raised:
            tiny("Hi 🙂, 你好")
        message = str(raised.value)
        for part in ("🙂 (U+1F642)", "你 (U+4F60)", "好 (U+597D)", "abcdefghijklmnopqrstuvwxyz"):
            assert part in message

    def test_at_most_ten_are_named(self) -> None:
        with pytest.raises(errors.UnsupportedCharacters, match="and 16 more") as raised:
            tiny("a" + "".join(map(chr, range(0x4E00, 0x4E1A))))
        assert str(raised.value).count("U+") == 10

    def test_a_syllable_that_the_vocabulary_lacks_is_named(self) -> None:
        with pytest.raises(errors.UnsupportedCharacters, match="世"):
            large("世界")

    def test_large_vocabularies_are_described_by_their_scripts(self) -> None:
        vocabulary = Vocabulary([" ", *map(chr, range(0x21, 0x7F)), *map(chr, range(0x410, 0x450))])
        with pytest.raises(errors.UnsupportedCharacters, match="Cyrillic, Latin"):
            normalize("字", vocabulary, "characters")

    @pytest.mark.parametrize("text", ["", "  ", "...", "?!", "\n\t", "—", "\u200b"])
    def test_nothing_to_say(self, text: str) -> None:
        for vocabulary in (LETTERS, LARGE, None):
            with pytest.raises(errors.EmptyText):
                normalize(text, vocabulary, "characters")

    def test_a_lone_surrogate_is_reported_and_printable(self) -> None:
        with pytest.raises(errors.UnsupportedCharacters, match=r"U\+D800") as raised:
            tiny("a\ud800")
        str(raised.value).encode()


class TestNumbers:
    @pytest.mark.parametrize(
        ("text", "spoken"),
        [
            ("7", "seven"),
            ("42", "forty two"),
            ("1,234", "one thousand two hundred and thirty four"),
            ("3.14", "three point one four"),
            ("1.2.3", "one point two point three"),
            ("-5", "minus five"),
            ("007", "zero zero seven"),
            ("1234567890123456", "one two three four five six seven eight nine zero one two three four five six"),
            ("in 1999", "in nineteen ninety nine"),
            ("the 1990s", "the nineteen nineties"),
            ("in 2024", "in twenty twenty four"),
            ("21st", "twenty first"),
            ("$1", "one dollar"),
            ("$5.01", "five dollars and one cent"),
            ("£3.50", "three pounds and fifty pence"),
            ("10:30", "ten thirty"),
            ("9:05", "nine oh five"),
            ("12:00", "twelve o'clock"),
            ("٣", "three"),
            ("mp3", "mp three"),
            ("no digits", "no digits"),
        ],
    )
    def test_read_as_a_speaker_of_english_would(self, text: str, spoken: str) -> None:
        assert " ".join(spell_numbers(text).split()) == spoken

    def test_punctuation_stays_where_it_was(self) -> None:
        assert tiny("I have 5, you have 3.") == "I have five, you have three."
        assert tiny("50% (or 1/2)") == "fifty percent, or one two"

    @given(st.text(alphabet="0123456789.,:-$stndrdhs ", max_size=80))
    def test_no_digit_is_left(self, text: str) -> None:
        assert not any(character.isdigit() for character in spell_numbers(text))


HOSTILE = [
    *(part * (100_000 // len(part)) for part in ["a", "1", "1,", "a.", "e\u0301", "$1", "12:30", "1.", ",", "—", "-1"]),
    " " * 99_999 + "a",
    "\n" * 99_999 + "a",
    "".join(f"{number} " for number in range(20_000, 28_000)),
]


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: repr(text[:6]))
def test_hostile_texts_take_time_in_proportion(text: str) -> None:
    started = time.perf_counter()
    with suppress(errors.EmptyText):
        tiny(text)
    assert time.perf_counter() - started < 8


@settings(max_examples=80, deadline=None)
@given(st.text(max_size=60))
def test_any_text_is_written_with_known_tokens_or_refused(text: str) -> None:
    try:
        written = tiny(text)
    except errors.TextError as error:
        assert type(error) in (errors.EmptyText, errors.UnsupportedCharacters)  # noqa: PT017
        return
    assert LETTERS.encode(front_end("lowercase-characters")(written))
