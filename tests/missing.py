"""What a machine lacks that a test needs: a laptop may, CI may not."""

import os
from typing import NoReturn

import pytest


def missing(what: str) -> NoReturn:
    """Ends the test: as skipped, or in CI as failed."""
    if os.environ.get("CI"):
        pytest.fail(what)
    pytest.skip(what)
