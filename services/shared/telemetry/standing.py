"""Standing in for a part."""

from typing import Any


class Standing:
    """All of a part's methods but those that a subclass has."""

    def __init__(self, part: Any) -> None:
        self._part = part

    def __getattr__(self, name: str) -> Any:
        return getattr(self._part, name)
