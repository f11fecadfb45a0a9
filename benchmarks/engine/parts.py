"""What every part of the benchmark is given, and what it gives back. Free of torch."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from benchmarks.engine.tables import Table
from f5_tts_core.engine import Precision

Size = Literal["base", "small", "tiny", "mini"]


class PartUnavailable(Exception):
    """This machine lacks what the part needs; the message says what. The other parts go on."""


@dataclass(frozen=True)
class Options:
    """What was asked for on the command line."""

    device: Literal["cpu", "cuda"]
    #: None leaves the choice to each part.
    size: Size | None
    #: Solver steps measured of a request at most; 0 measures them all.
    steps: int
    rounds: int
    quick: bool
    threads: int
    seed: int
    #: Folder for model files that are written for this run.
    scratch: Path

    @property
    def precisions(self) -> tuple[Precision, ...]:
        """Ours, fastest first."""
        return ("bf16", "fp32")

    @property
    def shipped_precision(self) -> Precision:
        """What upstream's own command chooses here."""
        return "fp16" if self.device == "cuda" else "fp32"


@dataclass
class PartResult:
    """Tables to show, and `data` (raw samples included) for the JSON report and the plot."""

    tables: list[Table] = field(default_factory=list)
    data: dict[str, Any] = field(default_factory=dict)
