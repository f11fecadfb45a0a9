"""What every part of the benchmark is given, and what it gives back."""

from collections.abc import Iterator
from dataclasses import dataclass
from time import monotonic
from typing import Any

from benchmarks.engine.tables import Table


@dataclass(frozen=True)
class Options:
    """What was asked for on the command line."""

    rounds: int
    quick: bool
    seed: int
    #: A part that has taken so long begins no further round.
    seconds: float

    def count(self, usual: int, quick: int) -> int:
        return quick if self.quick else usual

    def each_round(self) -> Iterator[int]:
        """One at least, and no more than there are or than there is time for."""
        deadline = monotonic() + self.seconds
        for number in range(self.rounds):
            if number and monotonic() > deadline:
                return
            yield number


@dataclass(frozen=True)
class Bar:
    """A figure beside what is wanted of it: `limit` at most, or at least."""

    what: str
    value: float
    limit: float
    unit: str
    at_least: bool = False

    @property
    def met(self) -> bool:
        return self.value >= self.limit if self.at_least else self.value <= self.limit

    def row(self) -> tuple[str, ...]:
        wanted = f"{'≥' if self.at_least else '≤'} {self.limit:g}{self.unit}"
        return (self.what, f"{self.value:.3g}{self.unit}", wanted, "yes" if self.met else "no")


@dataclass(frozen=True)
class PartResult:
    """Tables to show, `data` (raw samples included) for the JSON report, and the part's one figure that counts."""

    tables: list[Table]
    data: dict[str, Any]
    bar: Bar


def bar_table(bars: list[Bar]) -> Table:
    return Table("What is wanted", ("figure", "measured", "wanted", "met"), [bar.row() for bar in bars])
