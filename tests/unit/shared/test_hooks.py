"""Hooks by name: found, made, called one after the other, and told apart."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from f5_tts_core.testing import ToneEngine
from f5_tts_core.types import Waveform
from services.shared.errors import TextRefused
from services.shared.hooks import AudioChain, HookContext, TextChain, load_audio_hooks, load_text_hooks
from services.shared.settings import SettingsError
from services.shared.testing import make_settings

AUDIO = Waveform(np.ones(4, np.float32))


class Appending:
    def __init__(self, what: str) -> None:
        self._what = what

    def process(self, text: str, context: HookContext) -> str:
        return f"{text} {self._what} {context.owner}"


class Gain:
    def __init__(self, factor: float, version: str = "1") -> None:
        self._factor = factor
        self.version = version

    def process(self, audio: Waveform, _context: HookContext) -> Waveform:
        return replace(audio, samples=audio.samples * np.float32(self._factor))


class Broken:
    version = "1"

    def __init__(self, made: object) -> None:
        self._made = made

    def process(self, _what: object, _context: HookContext) -> object:
        return self._made


def test_each_is_given_what_the_one_before_it_made() -> None:
    texts = TextChain({"a": Appending("one"), "b": Appending("two")})
    assert texts.process("Say", "anna") == "Say one anna two anna"
    checks: list[int] = []
    audio = AudioChain({"a": Gain(2.0), "b": Gain(3.0)}).process(AUDIO, "anna", lambda: checks.append(1))
    assert audio.samples.tolist() == [6.0] * 4
    assert len(checks) == 2


def test_without_hooks_nothing_changes() -> None:
    assert load_text_hooks(make_settings()).process("Hello.", "anna") == "Hello."
    chain = load_audio_hooks(make_settings())
    assert not chain
    assert chain.process(AUDIO, "anna", lambda: None) is AUDIO


@pytest.mark.parametrize(
    "made", [None, AUDIO.samples, replace(AUDIO, sample_rate=8_000), Waveform(np.ones((2, 2), "f"))]
)
def test_what_is_no_audio_is_not_passed_on(made: object) -> None:
    with pytest.raises(TypeError, match="chime"):
        AudioChain({"chime": Broken(made)}).process(AUDIO, "anna", lambda: None)


def test_what_is_no_text_is_not_passed_on() -> None:
    with pytest.raises(TypeError, match="names"):
        TextChain({"names": Broken(None)}).process("Hello.", "anna")


def test_names_versions_and_order_tell_what_made_a_result() -> None:
    engine = replace(ToneEngine().describe(), fingerprint="abc")
    chains = [
        {},
        {"a": Gain(1.0)},
        {"b": Gain(1.0)},
        {"a": Gain(1.0, "2")},
        {"a": Gain(1.0), "b": Gain(1.0)},
        {"b": Gain(1.0), "a": Gain(1.0)},
    ]
    marks = [AudioChain(chain).mark(engine).fingerprint for chain in chains]
    assert marks[0] == "abc"
    assert len(set(marks)) == len(chains)
    assert AudioChain({"a": Gain(1.0)}).mark(engine).fingerprint == marks[1]
    unknown = replace(engine, fingerprint="")
    assert AudioChain({"a": Gain(1.0)}).mark(unknown) == unknown


@pytest.mark.parametrize("name", ["TEXT_HOOKS", "AUDIO_HOOKS"])
def test_an_unknown_name_is_refused_by_name(name: str) -> None:
    settings = make_settings(**{name.lower(): "nobody"})
    with pytest.raises(SettingsError, match=f"{name}: no hook is called 'nobody'"):
        (load_text_hooks if name == "TEXT_HOOKS" else load_audio_hooks)(settings)


# --- the content filter -------------------------------------------------------------------------


def test_the_content_filter_refuses_the_lists_words_and_keeps_them_to_itself(tmp_path: Path) -> None:
    words = tmp_path / "words.txt"
    words.write_text("\ufeff# a comment about puppies\n\nbadword\n  # another\nrotten egg\n", "utf-8")
    chain = load_text_hooks(make_settings(text_hooks="content-filter", content_filter_path=words))
    assert chain.process("Puppies and a comment.", "anna") == "Puppies and a comment."
    for text in ("A b-a-d-w-o-r-d.", "Rotten eggs? A rotten egg!"):
        with pytest.raises(TextRefused) as refused:
            chain.process(text, "anna")
        assert not any(word in str(refused.value) for word in ("badword", "rotten", "egg"))


@pytest.mark.parametrize("content", [None, b"# nothing\n\n", b"caf\xe9", "..."])
def test_a_list_that_is_none_is_refused(tmp_path: Path, content: bytes | str | None) -> None:
    path = tmp_path / "words.txt"
    if content is not None:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    for chosen in (path, None):
        with pytest.raises(SettingsError, match="CONTENT_FILTER_PATH"):
            load_text_hooks(make_settings(text_hooks="content-filter", content_filter_path=chosen))
