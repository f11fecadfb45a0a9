"""What the guide promises about parts that die is shown by tests that are there."""

import re
from pathlib import Path


def test_every_test_that_it_names_is_there() -> None:
    named = set(re.findall(r"`(test_\w+)`", Path("docs/operations.md").read_text()))
    there = {
        name
        for path in Path("tests/faults").glob("test_*.py")
        for name in re.findall(r"^def (test_\w+)", path.read_text(), re.M)
    }
    assert named
    assert named <= there
