"""Marks in a text, and brackets that are none."""

import pytest

from services.shared.dialogue import NARRATOR, MalformedMark, Turn, has_marks, read_turns


@pytest.mark.parametrize(
    ("text", "turns"),
    [
        ("[alice] Hello. [bob] Hi.", [("alice", "Hello.", 1), ("bob", "Hi.", 16)]),
        ("It was late. [ Alice B. ] Hello.", [(NARRATOR, "It was late.", 1), ("Alice B.", "Hello.", 14)]),
        ("[a]One.[a] Two.\n\n[b]\nThree.", [("a", "One.", 1), ("a", "Two.", 8), ("b", "Three.", 18)]),
        (r"[a] See \[1\] and C:\\ and \n.", [("a", r"See [1] and C:\ and \n.", 1)]),
        ("[a] [b] Only this.", [("b", "Only this.", 5)]),
        ("No marks.", [(NARRATOR, "No marks.", 1)]),
        ("[a]", []),
        ("", []),
    ],
)
def test_turns(text, turns):
    assert read_turns(text) == [Turn(*turn) for turn in turns]


@pytest.mark.parametrize(
    ("text", "position"),
    [("Hi [there", 4), ("Hi] there", 3), ("[]", 1), (f"[{'a' * 65}]", 1), ("[a\nb]", 1), ("[a] x [[b]]", 7)],
)
def test_a_bracket_that_is_no_mark_is_told_with_its_place(text, position):
    with pytest.raises(MalformedMark, match=rf"at character {position} "):
        read_turns(text)


def test_what_has_marks():
    assert has_marks("Hi. [bob] Hi.")
    assert not has_marks(r"See \[1\] and ] and [")


def test_a_text_of_brackets_alone_takes_no_time():
    with pytest.raises(MalformedMark):
        read_turns("[" * 100_000)
    assert not has_marks("[" * 100_000)
