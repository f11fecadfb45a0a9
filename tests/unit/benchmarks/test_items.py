"""The draw is fixed, and draws nothing that was trained on."""

from collections import Counter

from benchmarks.items import HEARD_VARIANTS, draw_items
from benchmarks.sentences import load_sentences
from training.voices import HELD_OUT_TRACTS, variants_of


def test_the_same_seed_draws_the_same_and_fewer_items_are_the_first_of_more() -> None:
    assert draw_items(20, seed=1) == draw_items(20, seed=1)
    assert draw_items(5, seed=1) == draw_items(20, seed=1)[:5]
    assert draw_items(20, seed=1) != draw_items(20, seed=2)


def test_voices_are_held_out_and_take_turns() -> None:
    items = draw_items(90, seed=1)
    voices = [item.voice for item in items] + [item.other_voice for item in items]

    assert {voice.variant for voice in voices} == set(variants_of("held-out"))
    assert all(any(low <= voice.tract <= high for low, high in HELD_OUT_TRACTS) for voice in voices)
    assert set(Counter(item.voice.variant for item in items).values()) == {90 // len(variants_of("held-out"))}


def test_what_an_item_is_compared_with_differs_from_it() -> None:
    for item in draw_items(240, seed=1):
        assert len({item.sentence, item.reference_sentence, item.other_sentence}) == 3
        assert item.voice.variant != item.other_voice.variant


def test_all_sentences_are_spoken() -> None:
    sentences = load_sentences()

    assert {item.sentence for item in draw_items(len(sentences), seed=1)} == set(sentences)


def test_voices_that_the_recognizer_understands_are_still_held_out() -> None:
    assert set(variants_of("held-out")) >= HEARD_VARIANTS
