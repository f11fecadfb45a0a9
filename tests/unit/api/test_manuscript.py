"""Text that is given out while it is written."""

from hypothesis import given
from hypothesis import strategies as st

from services.api.listening.manuscript import Manuscript


def given_out(manuscript: Manuscript) -> list[str]:
    found = []
    while utterance := manuscript.next():
        found.append(utterance.text)
    return found


def test_a_sentence_leaves_once_it_is_whole() -> None:
    manuscript = Manuscript()
    for token in ("Hel", "lo the", "re.", " "):
        manuscript.add(token)
        assert given_out(manuscript) == []
    manuscript.add("How")
    assert given_out(manuscript) == ["Hello there."]
    manuscript.add(" are you?")
    manuscript.complete()
    assert not manuscript.is_over
    assert given_out(manuscript) == ["How are you?"]
    assert manuscript.is_over


def test_sentences_that_wait_leave_together() -> None:
    manuscript = Manuscript(longest=20)
    manuscript.add("One. Two. Three. Four. Five. Six.")
    manuscript.complete()
    assert given_out(manuscript) == ["One. Two. Three.", "Four. Five. Six."]


def test_what_is_flushed_waits_for_nothing_and_what_follows_does() -> None:
    manuscript = Manuscript()
    manuscript.add("Well, let me")
    manuscript.flush()
    manuscript.add(" think about it")
    assert given_out(manuscript) == ["Well, let me"]
    manuscript.complete()
    assert given_out(manuscript) == ["think about it"]


def test_each_tells_its_place_in_the_text() -> None:
    text = "  One.\n\n Two is  longer!  ... \t Three."
    manuscript = Manuscript(longest=16)
    manuscript.add(text)
    manuscript.complete()
    found = []
    while utterance := manuscript.next():
        assert text[utterance.start : utterance.end] == utterance.text
        found.append(utterance.text)
    assert found == ["One.", "Two is  longer!", "... \t Three."]


def test_what_says_nothing_is_left_out() -> None:
    manuscript = Manuscript()
    for text in ("... ", "— !? ", "\n\n", "   "):
        manuscript.add(text)
        manuscript.flush()
        assert given_out(manuscript) == []
    manuscript.complete()
    assert given_out(manuscript) == []
    assert manuscript.is_over


@given(st.lists(st.text(alphabet="ab.,!? \n。-", max_size=12)))
def test_however_it_is_cut_all_of_it_is_said(pieces: list[str]) -> None:
    manuscript, found = Manuscript(longest=10), []
    for piece in pieces:
        manuscript.add(piece)
        found += given_out(manuscript)
    manuscript.complete()
    found += given_out(manuscript)
    said = "".join(character for text in found for character in text if character.isalnum())
    assert said == "".join(character for piece in pieces for character in piece if character.isalnum())
    assert all(0 < len(text) <= 10 for text in found)
    assert manuscript.is_over
    assert manuscript.characters == sum(map(len, pieces))
