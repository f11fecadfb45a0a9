"""What counts as heard, and what there is to choose from."""

import re

import pytest

from benchmarks.recognition import CHOICES, Recognizer, edit_distance, grammar, word_accuracy
from benchmarks.sentences import load_sentences, vocabulary, words_of
from f5_tts_core.types import Waveform
from training.espeak import Espeak, Voice

WORDS = ["the", "river", "was", "frozen"]


@pytest.mark.parametrize(
    ("left", "right", "distance"),
    [
        ("", "", 0),
        ("a b c", "", 3),
        ("", "a b", 2),
        ("a b c", "a b c", 0),
        ("a b c", "a x c", 1),
        ("a b c", "a c", 1),
        ("a b c", "z a b c", 1),
        ("a b c d", "b c d e", 2),
    ],
)
def test_edit_distance_is_the_fewest_changes(left: str, right: str, distance: int) -> None:
    assert edit_distance(left.split(), right.split()) == distance
    assert edit_distance(right.split(), left.split()) == distance


@pytest.mark.parametrize(
    ("heard", "accuracy"),
    [
        ("the river was frozen", 1.0),
        ("the river is frozen", 0.75),
        ("river was frozen", 0.75),
        ("", 0.0),
        ("so many words that none of them can still be right", 0.0),
    ],
)
def test_word_accuracy_lies_between_none_and_all(heard: str, accuracy: float) -> None:
    assert word_accuracy(WORDS, heard.split()) == accuracy


def test_each_word_is_one_of_several_and_always_of_the_same() -> None:
    places = re.findall(r"\( (.*?) \)", grammar(WORDS))

    assert len(places) == len(WORDS)
    for word, place in zip(WORDS, places, strict=True):
        choices = place.split(" | ")
        assert word in choices
        assert len(set(choices)) == CHOICES
        assert set(choices) <= set(vocabulary())
    assert grammar(WORDS) == grammar(WORDS)
    assert grammar(WORDS) != grammar([*WORDS[:-1], "bridge"])


def test_where_the_right_word_stands_says_nothing() -> None:
    places = [place.split(" | ") for place in re.findall(r"\( (.*?) \)", grammar(["the"] * 40))]

    assert len({place.index("the") for place in places}) > 1


def test_there_are_enough_sentences_of_one_vocabulary() -> None:
    sentences = load_sentences()

    assert len(set(sentences)) == len(sentences) >= 100
    assert 200 <= len(vocabulary()) <= 300
    assert all(4 <= len(words_of(sentence)) <= 9 for sentence in sentences)
    assert words_of("Don't forget, I said.") == ["don't", "forget", "i", "said"]


def test_clear_speech_is_heard_and_other_speech_is_not() -> None:
    espeak, recognizer = Espeak(), Recognizer()
    sentence, other, *_ = load_sentences()
    words = words_of(sentence)

    right = recognizer.hear(espeak.speak(sentence, Voice(tract=1.1)), words, tract=1.1)
    wrong = recognizer.hear(espeak.speak(other, Voice(tract=1.1)), words, tract=1.1)

    assert word_accuracy(words, right) >= 0.8
    assert word_accuracy(words, wrong) <= 0.5


def test_what_is_heard_does_not_depend_on_what_was_heard_before() -> None:
    espeak, words = Espeak(), words_of(load_sentences()[0])
    speech: Waveform = espeak.speak(load_sentences()[0], Voice(pitch=30))
    used = Recognizer()
    used.hear(espeak.speak(load_sentences()[7], Voice(pitch=80)), words_of(load_sentences()[7]))

    assert used.hear(speech, words) == Recognizer().hear(speech, words)
