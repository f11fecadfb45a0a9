"""Chance that a test decides."""

from random import Random


class Chance(Random):
    """Draws these numbers, one after the other, and no more."""

    def __init__(self, *numbers: float) -> None:
        super().__init__(0)
        self._numbers = list(numbers)

    def random(self) -> float:
        return self._numbers.pop(0)
