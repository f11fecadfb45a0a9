"""English text to phones: the dictionary, what is derived from it, the rules, and what hostile texts cost."""

import re
import time
import tracemalloc
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from f5_tts_core import errors, limits
from f5_tts_core.architecture import Architecture
from f5_tts_core.manifest import Manifest
from f5_tts_core.plan import Planner
from f5_tts_core.reference import ReferenceClip, ReferenceReport
from f5_tts_core.text.front_end import front_end, join_reference
from f5_tts_core.text.letter_to_sound import sound_out
from f5_tts_core.text.lexicon import PHONES, Lexicon, PackedReadings, load, load_lexicon, pack, save, unpack
from f5_tts_core.text.morphology import derive
from f5_tts_core.text.normalization import normalize
from f5_tts_core.text.phonemes import Phonemizer, phoneme_tokens
from f5_tts_core.text.vocabulary import Vocabulary, load_vocabulary
from f5_tts_core.types import Waveform

TOKENS = frozenset(phoneme_tokens())
VOCABULARY = Vocabulary(phoneme_tokens())
to_tokens = front_end("phonemes-en")


def said(text: str) -> str:
    """The tokens between spaces, boundaries as bars."""
    return " ".join("|" if token == " " else token for token in to_tokens(text))


class TestTokens:
    def test_are_the_boundary_the_pauses_and_every_phone_once(self) -> None:
        tokens = phoneme_tokens()
        assert tokens[:5] == [" ", ",", ".", "!", "?"]
        assert len(tokens) == len(set(tokens)) == 5 + 15 * 3 + 24

    def test_survive_the_vocabularys_file(self, tmp_path: Path) -> None:
        (tmp_path / "vocab.txt").write_text("\n".join(phoneme_tokens()) + "\n")
        assert load_vocabulary(tmp_path / "vocab.txt").tokens == tuple(phoneme_tokens())

    def test_readings_pack_and_unpack(self) -> None:
        assert unpack(pack(PHONES)) == list(PHONES)
        assert unpack(pack("HH AH0 L OW1")) == ["HH", "AH0", "L", "OW1"]


class TestLexicon:
    def test_every_reading_is_of_phones(self) -> None:
        lexicon = load_lexicon()
        codes = set(pack(PHONES))
        assert len(lexicon.words) > 100_000
        assert all(reading and codes.issuperset(reading) for reading in lexicon.words.values())
        assert all(codes.issuperset(reading) for reading in lexicon.rules.values())

    def test_every_letter_has_a_name_and_a_rule(self) -> None:
        letters = set("abcdefghijklmnopqrstuvwxyz")
        assert letters <= load_lexicon().words.keys()
        assert letters <= load_lexicon().rules.keys()

    def test_comes_in_small_files_with_their_licence(self) -> None:
        folder = Path(__file__).parents[3] / "f5_tts_core/assets/cmudict"
        assert sum(path.stat().st_size for path in folder.glob("*.zlib")) < 1_000_000
        assert "Carnegie Mellon University" in (folder / "LICENSE").read_text()

    def test_is_loaded_once(self) -> None:
        assert load_lexicon() is load_lexicon()
        assert front_end("phonemes-en") is to_tokens

    def test_what_is_saved_is_what_is_loaded(self, tmp_path: Path) -> None:
        save(tmp_path / "words.zlib", {"b": pack("B"), "a": ""})
        assert load(tmp_path / "words.zlib") == {"a": "", "b": pack("B")}


class TestWords:
    @pytest.mark.parametrize(
        ("text", "tokens"),
        [
            ("Hello, world!", "HH AH0 L OW1 , | W ER1 L D !"),
            ("hello HELLO Hello", "HH AH0 L OW1 | HH AH0 L OW1 | HH AH0 L OW1"),
            ("Is it? Yes.", "IH1 Z | IH1 T ? | Y EH1 S ."),
            ("don't we're it's", "D OW1 N T | W IY1 R | IH1 T S"),
            ("'Tis 'quoted'", "T IH1 Z | K W OW1 T IH0 D"),
            ("so 'twas -- 'tis", "S OW1 | T W AH1 Z | T IH1 Z"),
            ("wait...what", "W EY1 T . . . | W AH1 T"),
            ("  two   words ", "T UW1 | W ER1 D Z"),
            ("read live use", "R IY1 D | L IH1 V | Y UW1 Z"),
        ],
    )
    def test_that_are_listed(self, text: str, tokens: str) -> None:
        assert said(text) == tokens

    @pytest.mark.parametrize(
        ("text", "tokens"),
        [
            ("deep-green co-op", "D IY1 P | G R IY1 N | K OW1 AA2 P"),
            ("e-mail", "IY1 M EY2 L"),
            ("re-enter", "R IY0 EH1 N T ER0"),
            ("rock -- and - roll", "R AA1 K | AH0 N D | R OW1 L"),
        ],
    )
    def test_with_hyphens(self, text: str, tokens: str) -> None:
        assert said(text) == tokens

    @pytest.mark.parametrize(
        ("text", "tokens"),
        [
            ("In the US", "IH0 N | DH AH0 | Y UW1 EH1 S"),
            ("TELL US", "T EH1 L | AH1 S"),
            ("HELP! US!", "HH EH1 L P ! | Y UW1 EH1 S !"),
            ("QXZ", "K Y UW1 EH1 K S Z IY1"),
            ("GPUs", "JH IY1 P IY1 Y UW1 Z"),
            ("the GPU's", "DH AH0 | JH IY1 P IY1 Y UW1 Z"),
            ("zxq", "Z IY1 EH1 K S K Y UW1"),
            ("my AQX", "M AY1 | EY1 K Y UW1 EH1 K S"),
        ],
    )
    def test_that_are_spelled(self, text: str, tokens: str) -> None:
        assert said(text) == tokens

    @pytest.mark.parametrize(
        ("text", "tokens"),
        [
            ("Mr. Smith", "M IH1 S T ER0 | S M IH1 TH"),
            ("Dr. St. John", "D AA1 K T ER0 | S EY1 N T | JH AA1 N"),
            ("the U.S. Army", "DH AH0 | Y UW1 EH1 S | AA1 R M IY0"),
            ("the U.S.", "DH AH0 | Y UW1 EH1 S ."),
            ("at p.m. we", "AE1 T | P IY1 EH1 M | W IY1"),
            ("at p.m. We", "AE1 T | P IY1 EH1 M . | W IY1"),
        ],
    )
    def test_that_end_in_a_period_that_is_no_pause(self, text: str, tokens: str) -> None:
        assert said(text) == tokens

    def test_with_humps(self) -> None:
        assert said("PancakeServer") == "P AE1 N K EY2 K S ER1 V ER0"
        assert said("HTTPServer") == "EY2 CH T IY2 T IY2 P IY1 S ER1 V ER0"


#: A dictionary of few words, to see what is made of them.
FEW = {
    word: pack(phones)
    for word, phones in {
        "walk": "W AO1 K", "dog": "D AO1 G", "box": "B AA1 K S", "city": "S IH1 T IY0", "rate": "R EY1 T",
        "rat": "R AE1 T", "hop": "HH AA1 P", "hope": "HH OW1 P", "study": "S T AH1 D IY0", "happy": "HH AE1 P IY0",
        "basic": "B EY1 S IH0 K", "book": "B UH1 K", "shelf": "SH EH1 L F", "nation": "N EY1 SH AH0 N",
        "national": "N AE1 SH AH0 N AH0 L",
    }.items()
}  # fmt: skip


class TestDerived:
    @pytest.mark.parametrize(
        ("word", "phones"),
        [
            ("walks", "W AO1 K S"),
            ("dogs", "D AO1 G Z"),
            ("dog's", "D AO1 G Z"),
            ("dogs'", "D AO1 G Z"),
            ("boxes", "B AA1 K S IH0 Z"),
            ("cities", "S IH1 T IY0 Z"),
            ("walked", "W AO1 K T"),
            ("rated", "R EY1 T IH0 D"),
            ("hopped", "HH AA1 P T"),
            ("hoped", "HH OW1 P T"),
            ("studied", "S T AH1 D IY0 D"),
            ("hoping", "HH OW1 P IH0 NG"),
            ("hopping", "HH AA1 P IH0 NG"),
            ("walkin'", "W AO1 K IH0 N"),
            ("dog'd", "D AO1 G D"),
            ("dog'll", "D AO1 G AH0 L"),
            ("happily", "HH AE1 P IY0 L IY0"),
            ("basically", "B EY1 S IH0 K L IY0"),
            ("nationally", "N AE1 SH AH0 N AH0 L IY0"),
            ("unhappiest", "AH0 N HH AE1 P IY0 AH0 S T"),
            ("unboxed", "AH0 N B AA1 K S T"),
            ("bookshelf", "B UH1 K SH EH2 L F"),
        ],
    )
    def test_from_the_words_they_are_made_of(self, word: str, phones: str) -> None:
        assert derive(word, FEW) == pack(phones)

    @pytest.mark.parametrize("word", ["cat", "xs", "ed", "ing", "s", "'", "'s", "boss", "bookx", "unx", ""])
    def test_not_from_words_that_are_not_there(self, word: str) -> None:
        assert derive(word, FEW) is None

    def test_an_l_is_not_said_twice(self) -> None:
        assert derive("formally", {"formal": pack("F AO1 R M AH0 L")}) == pack("F AO1 R M AH0 L IY0")


class TestSoundedOut:
    @pytest.mark.parametrize(
        ("word", "phones"),
        [("blick", "B L IH1 K"), ("strent", "S T R EH1 N T"), ("plude", "P L UW1 D"), ("thrish", "TH R IH1 SH")],
    )
    def test_as_a_reader_would(self, word: str, phones: str) -> None:
        assert said(word) == phones

    def test_by_the_widest_surroundings_that_have_a_rule(self) -> None:
        rules = {"c": pack("K"), "ch": pack("CH"), "h": "", "sch": pack("S K")}
        assert sound_out("c", rules) == pack("K")
        assert sound_out("ch", rules) == pack("CH")
        assert sound_out("sch", rules) == pack("S K")

    @pytest.mark.parametrize(
        ("sounds", "stressed"),
        [
            ({"a": "AE1", "b": "B", "e": "EH1"}, "AE1 B EH2"),
            ({"a": "AH0", "b": "B", "e": "EH0"}, "AH0 B EH1"),
            ({"a": "AH0", "b": "B", "e": "AH0"}, "AH1 B AH0"),
            ({"a": "AH2", "b": "R", "e": "IY1"}, "ER2 IY1"),
        ],
    )
    def test_with_one_stress(self, sounds: dict[str, str], stressed: str) -> None:
        assert sound_out("abe", {letter: pack(sound) for letter, sound in sounds.items()}) == pack(stressed)

    @given(st.text(alphabet="abcdefghijklmnopqrstuvwxyz", min_size=1, max_size=40))
    def test_every_word_has_a_sound_and_at_most_one_primary_stress_a_piece(self, word: str) -> None:
        reading = sound_out(word, load_lexicon().rules)
        assert sum(phone.endswith("1") for phone in unpack(reading)) <= 1
        assert to_tokens(word)


class TestNormalize:
    def written(self, text: str) -> str:
        return normalize(text, VOCABULARY, "phonemes-en")

    @pytest.mark.parametrize(
        ("text", "written"),
        [
            ("It’s “fine”", "It's fine"),
            ("Café — naïve", "Cafe, naive"),
            ("one; two: three", "one, two, three"),
            ("well-known U.S. Army", "well-known U.S. Army"),
            ("I have 5.", "I have five."),
            ("Tom & Jerry", "Tom and Jerry"),
            ("$5 (or 50%)", "five dollars, or fifty percent"),
        ],
    )
    def test_writes_what_the_front_end_reads(self, text: str, written: str) -> None:
        assert self.written(text) == written

    def test_reports_what_is_no_english_and_says_what_is(self) -> None:
        with pytest.raises(errors.UnsupportedCharacters) as raised:
            self.written("Hi 你 🙂")
        message = str(raised.value)
        for part in (
            "你 (U+4F60)",
            "🙂 (U+1F642)",
            "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
            "abcdefghijklmnopqrstuvwxyz",
            "!",
            "'",
        ):
            assert part in message
        for part in ("H (", "i ("):
            assert part not in message

    @pytest.mark.parametrize("text", ["", "'", "--", "?!", "'-'"])
    def test_nothing_to_say(self, text: str) -> None:
        with pytest.raises(errors.EmptyText):
            self.written(text)

    @settings(max_examples=150, deadline=None)
    @given(st.text(max_size=60) | st.text(alphabet="aBcUSst.'- ,?!éMr5$", max_size=60))
    def test_any_text_is_read_with_known_tokens_or_refused(self, text: str) -> None:
        try:
            written = self.written(text)
        except errors.TextError:
            return
        tokens = to_tokens(written)
        assert tokens
        assert TOKENS.issuperset(tokens)
        assert self.written(written) == written


@given(st.text(alphabet=st.characters(max_codepoint=126), max_size=80))
def test_words_are_parted_by_one_boundary_and_none_stands_at_an_edge(text: str) -> None:
    tokens = to_tokens(text)
    boundaries = [at for at, token in enumerate(tokens) if token == " "]
    assert all(0 < at < len(tokens) - 1 and tokens[at + 1] in PHONES for at in boundaries)


_SENTENCES = st.from_regex(r"[A-Za-z'][A-Za-z' -]{0,30}[a-z][.!?]", fullmatch=True)


class TestInUse:
    @settings(max_examples=300, deadline=None)
    @given(_SENTENCES, _SENTENCES)
    def test_sentences_are_read_each_for_itself(self, first: str, second: str) -> None:
        title = re.search(r"\b(mr|mrs|ms|dr|prof|st|mt|vs)\.$", first, re.IGNORECASE)
        if title is None:
            assert to_tokens(f"{first} {second}") == [*to_tokens(first), " ", *to_tokens(second)]

    def test_the_transcript_and_the_text_are_parted(self) -> None:
        assert join_reference("Hello", "yes", to_tokens) == [*to_tokens("Hello."), " ", *to_tokens("yes")]

    def test_a_planner_gives_every_chunk_its_ids(self, tmp_path: Path) -> None:
        (tmp_path / "vocab.txt").write_text("\n".join(phoneme_tokens()) + "\n")
        manifest = Manifest(
            "phonetic",
            Architecture(dim=16, depth=1, heads=1, ff_mult=1, text_dim=16, conv_layers=0),
            "phonemes-en",
            tmp_path / "model.safetensors",
            tmp_path / "vocab.txt",
            reference_seconds=3.0,
            total_seconds=6.0,
        )
        planner = Planner(manifest, load_vocabulary(manifest.vocabulary))
        silence = Waveform(np.zeros(2 * limits.SAMPLE_RATE, np.float32), limits.SAMPLE_RATE)
        clip = ReferenceClip(silence, "A voice.", 1.0, ReferenceReport(2.0, 2.0, 0.5, 0.1, 0.0, cut=False))
        chunks = planner.chunks("The café opens at 9. " * 6, clip, speed=1.0)
        assert len(chunks) > 1
        for chunk in chunks:
            assert 0 < len(chunk.tokens) < chunk.speech_frames
            spoken = [phoneme_tokens()[token] for token in chunk.tokens]
            assert spoken == join_reference("A voice.", chunk.text, to_tokens)


HOSTILE = [
    *(part * (100_000 // len(part)) for part in ["a", "z", "A", "aB", "'", "a'", "-", "a-", "a.", "s'", "ing", "ed"]),
    "".join(f"{left}{right}{last} " for left in "bcdfg" for right in "aeiou" for last in "abcdefghij") * 100,
    "unre" * 25_000,
]


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: repr(text[:6]))
def test_hostile_texts_take_time_in_proportion(text: str) -> None:
    started = time.perf_counter()
    assert TOKENS.issuperset(to_tokens(text))
    assert time.perf_counter() - started < 4


def test_hostile_words_are_not_kept() -> None:
    phonemizer = Phonemizer(Lexicon(load_lexicon().words, load_lexicon().rules))
    tracemalloc.start()
    for number in range(20):
        phonemizer(f"{'a' * number}b" * 2_000)
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert kept < 2_000_000


def test_packed_readings_are_the_dictionary(tmp_path: Path) -> None:
    readings = {"a": "0", "ab": "12", "b": "", "zebra's": "3456"}
    save(tmp_path / "words.zlib", readings)
    packed = PackedReadings(zlib.decompress((tmp_path / "words.zlib").read_bytes()).decode())
    assert dict(packed) == readings
    assert [packed.get(word) for word in ("", "aa", "zz")] == [None] * 3
    assert "ab" in packed
