"""Notices edited sources, for `timbre up --reload`."""

from collections.abc import Sequence
from pathlib import Path


class SourceWatch:
    """Compares modification times of the Python files under `roots` with the last look."""

    def __init__(self, roots: Sequence[Path]) -> None:
        self._roots = roots
        self._seen = self._look()

    def changed(self) -> bool:
        """Whether a file was edited, added or removed since the last call."""
        before, self._seen = self._seen, self._look()
        return before != self._seen

    def _look(self) -> dict[Path, int]:
        found: dict[Path, int] = {}
        for root in self._roots:
            for path in root.rglob("*.py"):
                try:
                    found[path] = path.stat().st_mtime_ns
                except FileNotFoundError:  # an editor's temporary file
                    continue
        return found
