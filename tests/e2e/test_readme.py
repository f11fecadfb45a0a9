"""The commands of the README, then those of the API's page, are run one after the other, as a reader would."""

import re
from pathlib import Path

import pytest

from .conftest import ROOT, Demo

BLOCK = re.compile(r"^```(?P<language>sh|python)\n(?P<code>.*?)^```$", re.MULTILINE | re.DOTALL)
PAGES = [ROOT / "README.md", ROOT / "docs" / "api.md"]
BLOCKS = [(match["language"], match["code"]) for page in PAGES for match in BLOCK.finditer(page.read_text())]
#: The port that the pages name; another may have been chosen here.
README_URL = "http://127.0.0.1:8000"


def test_the_readme_starts_with_the_demo() -> None:
    assert BLOCKS[0] == ("sh", "make demo\n")
    assert len(BLOCKS) >= 9


@pytest.mark.parametrize(("language", "code"), BLOCKS[1:], ids=[code.split("\n")[0][:40] for _, code in BLOCKS[1:]])
def test_a_block_of_the_pages_works(demo: Demo, language: str, code: str) -> None:
    code = code.replace(README_URL, demo.api_url)
    shell = ("bash", "-euo", "pipefail", "-c", code)
    answer = demo.place.run(*(shell if language == "sh" else (".venv/bin/python", "-c", code)))
    assert answer.returncode == 0, answer.stdout + answer.stderr
    for name in re.findall(r"\bout/\w+\.wav\b", code):
        assert (Path(demo.place.path) / name).read_bytes().startswith(b"RIFF")
