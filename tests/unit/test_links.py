"""Every link between the pages leads to a page, and to a heading on it."""

import re
from itertools import chain
from pathlib import Path
from urllib.parse import unquote

import pytest

ROOT = Path(__file__).parents[2]
OF_PARTS = ("benchmarks/README.md", "training/README.md", "deploy/helm/timbre/README.md")
PAGES = sorted(chain(ROOT.glob("*.md"), ROOT.glob("docs/**/*.md"), (ROOT / page for page in OF_PARTS)))

_FENCED = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


def _prose(page: Path) -> str:
    return _FENCED.sub("", page.read_text())


def _anchors(page: Path) -> set[str]:
    """As GitHub makes them of headings."""
    shown = (re.sub(r"\]\([^)]*\)", "", heading).lower() for heading in _HEADING.findall(_prose(page)))
    return {re.sub(r"[^\w\- ]", "", heading).strip().replace(" ", "-") for heading in shown}


def _is_astray(page: Path, link: str) -> bool:
    path, _, anchor = unquote(link).partition("#")
    target = (page.parent / path).resolve() if path else page
    if not target.is_relative_to(ROOT) or not target.exists():
        return True
    return bool(anchor) and anchor not in _anchors(target)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_its_links_lead_somewhere(page: Path) -> None:
    links = [link for link in _LINK.findall(_prose(page)) if not re.match(r"[a-z]+:", link)]
    assert [link for link in links if _is_astray(page, link)] == []


def test_each_decision_has_a_number_of_its_own_and_is_listed() -> None:
    names = sorted(page.name for page in ROOT.glob("docs/decisions/*.md"))
    assert [name[:4] for name in names] == [f"{number:04}" for number in range(len(names))]
    listed = re.findall(r"^- \[.+\]\(decisions/(\S+)\)$", (ROOT / "docs/architecture.md").read_text(), re.MULTILINE)
    assert listed == [name for name in names if name != "0000-template.md"]
