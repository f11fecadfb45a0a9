"""Medians, percentiles and spread of raw samples. Free of torch."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Spread:
    """What a handful of samples say. The extremes, not a deviation: there are too few samples for one."""

    median: float
    least: float
    most: float
    count: int

    @classmethod
    def of(cls, samples: Sequence[float]) -> "Spread":
        """Raises `ValueError` for no samples."""
        return cls(percentile(samples, 50), min(samples), max(samples), len(samples))


def percentile(samples: Sequence[float], percent: float) -> float:
    """The value below which `percent` of the samples lie, between neighbours in proportion.

    Raises `ValueError` for no samples, or a percentage outside 0 to 100.
    """
    if not samples:
        raise ValueError("No samples.")
    if not 0 <= percent <= 100:
        raise ValueError(f"{percent} is no percentage.")
    ordered = sorted(samples)
    position = (len(ordered) - 1) * percent / 100
    below = int(position)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (position - below)
