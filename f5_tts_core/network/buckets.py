"""Lengths that networks are run at: few, since oneDNN compiles a kernel, and keeps it, for each."""

from collections.abc import Sequence
from typing import Final

from torch import Tensor

BUCKET_FRAMES: Final = 64


def padded_length(frames: int) -> int:
    """The shortest bucket that holds `frames`."""
    return -(-frames // BUCKET_FRAMES) * BUCKET_FRAMES


def stacked(rows: Sequence[Tensor | None]) -> Tensor:
    """Rows [frames, d] of different lengths as one [rows, padded, d], zero behind each."""
    present = [row for row in rows if row is not None]
    padded = padded_length(max(row.shape[0] for row in present))
    stacked = present[0].new_zeros(len(present), padded, present[0].shape[1])
    for index, row in enumerate(present):
        stacked[index, : row.shape[0]] = row
    return stacked
