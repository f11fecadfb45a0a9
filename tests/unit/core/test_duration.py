"""How long texts take to say. The measured seconds are espeak-ng's at 165 words a minute."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from f5_tts_core.text.duration import MAX_RATE, MIN_RATE, MIN_SECONDS, estimate_seconds, speech_weight

REFERENCE = "I know that you can hear the sound of my voice."
REFERENCE_SECONDS = 2.41


def estimate(text: str, speed: float = 1.0, *, seconds: float = REFERENCE_SECONDS, reference: str = REFERENCE) -> float:
    return estimate_seconds(text, reference_seconds=seconds, reference_text=reference, speed=speed)


@pytest.mark.parametrize(
    ("text", "measured"),
    [
        ("The quick brown fox jumps over the lazy dog.", 2.78),
        ("She sells sea shells by the sea shore, and he sold them all last week.", 4.16),
        ("Call me tomorrow morning at nine. I will be at home.", 3.19),
        ("It was the best of times, it was the worst of times, it was the age of wisdom.", 4.72),
        ("Through thorough thought, strengths were brought.", 2.19),
        ("Xin chào, tôi tên là Nguyễn Văn An.", 2.01),
        ("Đường phố Hà Nội rất đông người và xe máy.", 2.30),
        ("Buenos días, ¿cómo está usted hoy?", 2.14),
        ("Guten Morgen, wie geht es Ihnen heute?", 2.09),
        ("こんにちは。わたしはにほんごをはなします。", 3.02),
        ("안녕하세요, 오늘 날씨가 정말 좋네요.", 3.30),
    ],
)
def test_estimates_are_near_what_was_measured(text: str, measured: float) -> None:
    assert estimate(text) == pytest.approx(measured, rel=0.2)


def test_accents_take_no_time() -> None:
    assert speech_weight("cafe resume") == speech_weight("café résumé")
    assert speech_weight("toi ten") < speech_weight("tôi tên là") < 2 * speech_weight("toi ten la")


def test_silent_letters_and_digraphs_weigh_little() -> None:
    assert speech_weight("made") < speech_weight("media")
    assert speech_weight("thick") < speech_weight("tacit")
    assert speech_weight("walked") < speech_weight("wanted")


def test_spelled_letters_and_digits_take_a_syllable_each() -> None:
    assert speech_weight("FBI") > speech_weight("fib") * 0.9
    assert speech_weight("BBC") > 2 * speech_weight("bob")
    assert speech_weight("1234") > speech_weight("one two")


def test_a_pause_at_the_end_weighs_nothing_and_one_inside_does() -> None:
    assert speech_weight("Well then.") == speech_weight("Well then")
    assert speech_weight("Well, then") > speech_weight("Well then")
    assert speech_weight("Well. Then") > speech_weight("Well, then")


def test_short_texts_are_not_rushed() -> None:
    for text in ("Yes.", "No!", "Hi", "是", "a"):
        assert estimate(text) >= MIN_SECONDS
    assert estimate("Yes.") / speech_weight("Yes.") > estimate(REFERENCE) / speech_weight(REFERENCE)


def test_the_voice_speaks_at_its_own_rate() -> None:
    assert estimate(REFERENCE) == pytest.approx(REFERENCE_SECONDS)
    assert estimate("A longer text than that.", seconds=4.0) > estimate("A longer text than that.", seconds=2.4)


def test_a_reference_with_an_absurd_rate_is_held_to_what_people_do() -> None:
    text = "This is a sentence of ordinary length."
    assert estimate(text, reference="Hi.", seconds=10.0) <= (speech_weight(text) + 3) / MIN_RATE
    assert estimate(text, reference=REFERENCE * 10, seconds=1.0) >= (speech_weight(text) + 3) / MAX_RATE


def test_speed_divides() -> None:
    assert estimate(REFERENCE, 2.0) == pytest.approx(estimate(REFERENCE) / 2)
    assert estimate("Yes.", 0.5) == pytest.approx(2 * estimate("Yes."))


@given(st.text(max_size=100), st.text(max_size=100))
def test_more_text_never_takes_less_time(first: str, second: str) -> None:
    assert 0 <= speech_weight(first) <= speech_weight(f"{first} a {second}") + 1e-9
