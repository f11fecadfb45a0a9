"""What a metric is: a name, what it counts, and how its values are told apart."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

Kind = Literal["counter", "gauge", "histogram"]
Process = Literal["api", "worker", "control"]

PROCESSES: Final[tuple[Process, ...]] = ("api", "worker", "control")
#: Labels whose values clients make up: only so many are told apart, since each costs memory here and in Prometheus.
CAPPED_LABELS: Final = frozenset({"tenant", "voice", "language"})
#: What the values beyond that are counted as.
OTHER: Final = "other"


@dataclass(frozen=True)
class Metric:
    """Named as Prometheus does: base units, counters end in `_total`."""

    name: str
    kind: Kind
    help: str
    labels: tuple[str, ...] = ()
    #: Upper bounds, of a histogram.
    buckets: tuple[float, ...] = ()
    #: Whose `/metrics` shows it.
    shown_by: tuple[Process, ...] = PROCESSES
    #: Whether it is read off when somebody looks, rather than counted as it happens.
    read: bool = False


@dataclass(frozen=True)
class Figure:
    """A metric's value at the moment it is asked for."""

    metric: Metric
    value: float
    labels: Mapping[str, str] = field(default_factory=dict)
