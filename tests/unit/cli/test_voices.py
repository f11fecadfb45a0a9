"""`timbre voices`, and `timbre say` with a stored voice."""

import subprocess
import sys
from typing import Any

import httpx
import pytest

from services.cli.commands.voices import find_voice
from services.cli.errors import CliError
from services.cli.home import Home

from .api import ScriptedApi, client_of, problem, voice

ANNA = voice("v1", "Anna")


def page(*voices: dict[str, Any]) -> httpx.Response:
    return httpx.Response(200, json={"voices": list(voices), "next_cursor": None})


UNKNOWN = problem(404, detail="You have no voice of this id.")


def test_a_voice_is_found_by_id_before_name() -> None:
    api = ScriptedApi({"GET /voices/v1": [httpx.Response(200, json=ANNA)]})
    assert find_voice(client_of(api), "v1").raw == ANNA
    assert api.asked() == ["GET /voices/v1"]


@pytest.mark.parametrize(("name", "asked"), [("Anna", ["GET /voices/Anna", "GET /voices"]), ("..", ["GET /voices"])])
def test_a_voice_is_found_by_name(name: str, asked: list[str]) -> None:
    api = ScriptedApi({"GET /voices/Anna": [UNKNOWN], "GET /voices": [page(ANNA)]})
    assert find_voice(client_of(api), name).raw == ANNA
    assert api.asked() == asked
    assert dict(api.requests[-1].url.params) == {"limit": "1", "name": name}


def test_a_voice_that_there_is_not() -> None:
    with pytest.raises(CliError, match="You have no voice `x`"):
        find_voice(client_of(ScriptedApi({"GET /voices": [page()], "GET /voices/x": [UNKNOWN]})), "x")


@pytest.mark.parametrize("nothing", ["", "  "])
def test_an_empty_name_finds_nothing(nothing: str) -> None:
    api = ScriptedApi({})
    with pytest.raises(CliError, match="empty"):
        find_voice(client_of(api), nothing)
    assert api.asked() == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("say", "hi"), "one of the two"),
        (("say", "hi", "--voice", "Anna", "--reference", "me.wav"), "one of the two"),
        (("say", "--voice", "Anna"), "a text or a file"),
        (("say", "hi", "--text-file", "chapter.txt", "--voice", "Anna"), "a text or a file"),
        (("say", "hi", "--dialogue", "--voice", "Anna", "--reference", "me.wav"), "one of the two"),
        (("voices", "add", "Anna", "--sample", "me.wav", "--consent", "Mine.", "--label", "calm"), "NAME=TEXT"),
    ],
)
def test_what_cannot_be_meant_is_refused(home: Home, words: tuple[str, ...], said: str) -> None:
    environ = {"TIMBRE_HOME": str(home.path), "NO_COLOR": "1"}
    argv = [sys.executable, "-m", "services.cli.main", *words]
    answer = subprocess.run(argv, env=environ, capture_output=True, text=True, timeout=60, check=False)
    assert answer.returncode == 1
    assert answer.stderr.startswith("error: ")
    assert said in answer.stderr
