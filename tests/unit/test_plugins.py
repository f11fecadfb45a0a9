"""The plugin in docs/plugins.md, installed as it stands there."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from f5_tts_core.types import Waveform
from services.shared.errors import AudioRefused
from services.shared.hooks import load_audio_hooks, load_text_hooks
from services.shared.testing import make_settings, memory_parts
from tests.unit.api.client import Client

DOCUMENT = Path(__file__).parents[2] / "docs" / "plugins.md"


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example's two files, and the metadata that setuptools makes of them."""
    folder = tmp_path_factory.mktemp("plugin")
    blocks = dict(re.findall(r"`(\S+)`:\n\n```\w+\n(.+?)```", DOCUMENT.read_text(), re.DOTALL))
    for name in ("pyproject.toml", "timbre_house_rules.py"):
        (folder / name).write_text(blocks[name])
    command = [sys.executable, "-W", "ignore", "-c", "from setuptools import setup; setup()", "-q", "egg_info"]
    subprocess.run(command, cwd=folder, check=True, env={**os.environ, "PYTHONPATH": ""})
    return folder


@pytest.fixture(autouse=True)
def installed(package: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.syspath_prepend(str(package))
    monkeypatch.setenv("SPOKEN_NAMES", "SQL=sequel;C++=see plus plus")
    yield
    sys.modules.pop("timbre_house_rules", None)


def test_its_text_hook_changes_and_refuses_texts_in_the_api() -> None:
    client = Client(memory_parts(text_hooks="spoken-names"))
    answer = client.speak(text="Learn SQL, not MySQL.")
    assert answer.status_code == 202
    assert client.parts.jobs.get(answer.json()["job_id"]).input.text == "Learn sequel, not MySQL."
    assert answer.json()["input"]["text"] == "Learn sequel, not MySQL."
    refused = client.speak(text=" SQL ")
    assert (refused.status_code, refused.json()["type"]) == (422, "/problems/text-refused")
    assert refused.json()["detail"] == "A name alone is no text."


def test_hooks_are_called_in_the_order_of_the_setting(tmp_path: Path) -> None:
    words = tmp_path / "words.txt"
    words.write_text("sequel\n")
    settings = {"content_filter_path": words}
    first = Client(memory_parts(text_hooks="content-filter, spoken-names", **settings))
    assert first.speak(text="Learn SQL.").status_code == 202
    last = Client(memory_parts(text_hooks="spoken-names, content-filter", **settings))
    assert last.speak(text="Learn SQL.").status_code == 422


def test_what_a_text_hook_makes_is_checked_as_what_was_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPOKEN_NAMES", "SQL=" + "x" * 5_000)
    answer = Client(memory_parts(text_hooks="spoken-names")).speak(text="Learn SQL.")
    assert (answer.status_code, answer.json()["type"]) == (422, "/problems/text-too-long")


def test_its_audio_hook_ends_speech_with_a_chime() -> None:
    chain = load_audio_hooks(make_settings(audio_hooks="closing-chime"))
    audio = chain.process(Waveform(np.zeros(24_000, np.float32)), "anna", lambda: None)
    assert audio.seconds == 1.25
    assert audio.samples.dtype == np.float32
    with pytest.raises(AudioRefused):
        chain.process(Waveform(np.zeros(10, np.float32)), "anna", lambda: None)


def test_nothing_is_called_that_was_not_asked_for() -> None:
    assert load_text_hooks(make_settings()).process("Learn SQL.", "anna") == "Learn SQL."
