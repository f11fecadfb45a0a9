"""Attention in which every row of a batch sees its own frames, and no others.

Shapes: b rows, n frames, h heads, d channels a head. CPUs take each row by itself, at its own length: nothing is
computed for padding, and no row's sums depend on the others. Elsewhere what lies beyond a row is masked; `kernels` has
a way without masks, for GPUs.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import torch
import torch.nn.functional as F
from torch import Tensor

from f5_tts_core.network.buckets import padded_length

#: Heads and queries of a block: its scores (and their softmax) then stay in a core's cache.
_HEADS: Final = 4
_QUERIES: Final = 128


@dataclass(frozen=True)
class Extent:
    """How far the rows of a batch reach, the rest of their `frames` being padding."""

    frames: int
    #: Frames of each row: [b].
    lengths: Tensor
    #: The same, where reading them does not make a device wait: on CPUs.
    counts: Sequence[int] | None
    #: Whether all rows are known to have no padding.
    is_full: bool

    @classmethod
    def of(cls, lengths: Tensor | None, rows: int, frames: int, device: torch.device) -> "Extent":
        """`lengths` [b] are valid frames a row, None where all are."""
        is_full = lengths is None
        if lengths is None:
            lengths = torch.full((rows,), frames, device=device)
        counts = lengths.tolist() if device.type == "cpu" else None
        return cls(frames, lengths, counts, is_full or (counts is not None and min(counts) >= frames))

    @cached_property
    def valid(self) -> Tensor | None:
        """True inside each row: bool [b, n]. None where all rows are full."""
        return None if self.is_full else frames_within(self.lengths, self.frames)


def frames_within(lengths: Tensor, frames: int) -> Tensor:
    """True inside each row: bool [b, frames]."""
    return torch.arange(frames, device=lengths.device) < lengths[:, None]


def attend(query: Tensor, key: Tensor, value: Tensor, extent: Extent) -> Tensor:
    """`query`, `key`, `value` [b, h, n, d] -> [b, n, h * d]. What stands beyond a row's length is finite."""
    if extent.counts is not None and not torch.is_grad_enabled():
        return _attend_by_rows(query, key, value, extent.counts)
    mask = None if extent.valid is None else extent.valid[:, None, None]
    return F.scaled_dot_product_attention(query, key, value, attn_mask=mask).transpose(1, 2).flatten(2)


def _attend_by_rows(query: Tensor, key: Tensor, value: Tensor, counts: Sequence[int]) -> Tensor:
    rows, heads, frames, channels = query.shape
    joined = query.new_zeros(rows, frames, heads, channels)
    value = value.contiguous()
    attend_row = _attend_in_blocks if query.dtype == torch.bfloat16 else _attend_at_once
    for row, count in enumerate(counts):
        attend_row(query[row], key[row], value[row], count, joined[row])
    return joined.flatten(2)


def _attend_at_once(query: Tensor, key: Tensor, value: Tensor, count: int, joined: Tensor) -> None:
    query, key, value = (part[None, :, :count] for part in (query, key, value))
    joined[:count] = F.scaled_dot_product_attention(query, key, value)[0].transpose(0, 1)


def _attend_in_blocks(query: Tensor, key: Tensor, value: Tensor, count: int, joined: Tensor) -> None:
    """[h, n, d] each, `joined` [n, h, d]. Two matrix products and a softmax a block.

    torch's own kernel for CPUs multiplies in small pieces that bf16 units gain nothing from: half as fast.
    """
    heads, frames, channels = query.shape
    padded = min(frames, padded_length(count))
    query = query[:, :padded] * channels**-0.5
    for head in range(0, heads, _HEADS):
        group = slice(head, head + _HEADS)
        keys, values = key[group, :padded].transpose(1, 2), value[group, :padded]
        for start in range(0, padded, _QUERIES):
            block = slice(start, min(start + _QUERIES, padded))
            scores = torch.bmm(query[group, block], keys)
            scores[..., count:] = -torch.inf
            joined[block, group] = torch.bmm(scores.softmax(dim=-1), values).transpose(0, 1)
