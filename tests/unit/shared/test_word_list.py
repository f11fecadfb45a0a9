"""Which words of a list are found in a text, however they are written."""

import pytest

from services.shared.hooks.word_list import WordList

WORDS = WordList(["badword", "Café", "rotten egg", "ham", "坏词", "ばば", "straße", "кот", "गधा", "", "  ", "?!"])


@pytest.mark.parametrize(
    "text",
    [
        "badword",
        "A BadWord, indeed.",
        "(badword)",
        "bädwörd",
        "ba\u200bd\u200dw\u2060ord",
        "b\u00adadword",
        "bad\ufeffword",
        "b\u0336a\u0336d\u0336w\u0336o\u0336r\u0336d\u0336",
        "bad\u034fword\ufe0f",
        "\u202ebadword\u202c",
        "ｂａｄｗｏｒｄ",
        "𝓫𝓪𝓭𝔀𝓸𝓻𝓭",
        "b-a-d-w-o-r-d",
        "b.a.d.w.o.r.d",
        "b_a_d_w_o_r_d",
        "bad-word",
        "bad_word!",
        "b\u2800a\u2800dword",
        "b\x00adword",
        "b a d w o r d",
        "b  a\td\nw o r d",
        "I b a d w o r d you",
        "say h a m now",
        "a cafe",
        "CAFÉ",
        "cafe\u0301",
        "a rotten, egg",
        "rotten\u00a0 egg",
        "rottenegg",
        "STRASSE",
        "КОТ",
        "这是坏词吗",
        "これはばばです",
        "वह गधा है",
        "good\x85badword",
        "good\u2028badword",
    ],
)
def test_found(text: str) -> None:
    assert WORDS.occur_in(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Hello there.",
        "badwords",
        "notbadword",
        "hamlet and shame",
        "bad word",
        "rotten and egg",
        "egg rotten",
        "U S H A M S",
        "これはははです",
        "坏的词",
        "котик",
        "गधी",
        "...",
        "h am",
    ],
)
def test_not_found(text: str) -> None:
    assert not WORDS.occur_in(text)


def test_a_list_of_blanks_is_empty() -> None:
    assert not WordList(["", "  ", "..."])
    assert WORDS
