"""How urgent a job is. Each priority is a queue of its own, and a line of its own before that."""

from enum import StrEnum
from typing import Final


class Priority(StrEnum):
    """The most urgent first."""

    INTERACTIVE = "interactive"
    DEFAULT = "default"
    BULK = "bulk"

    @property
    def rank(self) -> int:
        """0 is the most urgent."""
        return PRIORITIES.index(self)


PRIORITIES: Final = tuple(Priority)
