"""FlashAttention over rows of unlike lengths: on GPUs that have it, in half precision.

A mask shuts it out of torch's `scaled_dot_product_attention`. Its own entry takes rows laid end to end, and how many
frames of each are true, so that a padded batch goes in as it lies.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, cast

import torch
import torch.nn.functional as F
from torch import Tensor

logger = logging.getLogger(__name__)

#: `torch.nn.attention.varlen.varlen_attn`, or what stands for it.
Kernel = Callable[..., Tensor]

_HALF: Final = (torch.bfloat16, torch.float16)
#: How far from plain attention in fp32 a sound kernel may be, of the result's mean size.
_TOLERANCE: Final = 0.02


@dataclass(frozen=True)
class RowsEndToEnd:
    """A padded batch, b rows of `frames`, as FlashAttention reads it."""

    kernel: Kernel
    frames: int
    #: Where each row starts, and the last one ends: int32 [b + 1].
    starts: Tensor
    #: True frames of each row: int32 [b].
    used: Tensor

    @classmethod
    def of(cls, kernel: Kernel, lengths: Tensor | None, rows: int, frames: int, device: torch.device) -> "RowsEndToEnd":
        """`lengths` [b] are valid frames a row, None where all are."""
        starts = frames * torch.arange(rows + 1, dtype=torch.int32, device=device)
        return cls(kernel, frames, starts, starts.diff() if lengths is None else lengths.int())

    def attend(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        """[b, h, n, d] each -> [b, n, h * d]. Frames beyond a row's length are finite, and nobody's."""
        laid = (part.transpose(1, 2).flatten(0, 1) for part in (query, key, value))
        # Split keys would be summed in an order that depends on who shares the batch.
        joined = self.kernel(
            *laid, self.starts, self.starts, self.frames, self.frames, seqused_k=self.used, num_splits=1
        )
        return joined.view(len(self.used), self.frames, -1)


@lru_cache(maxsize=8)
def flash_kernel(device: torch.device, dtype: torch.dtype, channels: int) -> Kernel | None:
    """torch's FlashAttention, where this machine has it and it attends as it should; else None."""
    if device.type != "cuda" or dtype not in _HALF:
        return None
    try:
        from torch.nn.attention.varlen import varlen_attn  # noqa: PLC0415 - newer than the oldest torch we take
    except ImportError:
        return None
    kernel = cast(Kernel, varlen_attn)  # it gives more than the result only where asked to
    sound = is_sound(kernel, device, dtype, channels)
    logger.info("attention by %s", "FlashAttention" if sound else "torch's kernels with a mask")
    return kernel if sound else None


@torch.inference_mode()
def is_sound(kernel: Kernel, device: torch.device, dtype: torch.dtype, channels: int) -> bool:
    """Whether it runs here, and makes of rows of unlike lengths what plain attention makes of each alone."""
    generator = torch.Generator().manual_seed(0)
    frames, lengths = 192, (192, 130, 1)
    query, key, value = torch.randn(3, len(lengths), 2, frames, channels, generator=generator).to(device, dtype)
    try:
        rows = RowsEndToEnd.of(kernel, torch.tensor(lengths, device=device), len(lengths), frames, device)
        found = rows.attend(query, key, value).float()
    except (RuntimeError, TypeError) as error:
        logger.info("FlashAttention does not run here: %s", error)
        return False
    return all(
        _agrees(found[row, :length], *(part[row, :, :length].float() for part in (query, key, value)))
        for row, length in enumerate(lengths)
    )


def _agrees(found: Tensor, query: Tensor, key: Tensor, value: Tensor) -> bool:
    """`found` [n, h * d] with what it should be; the others [h, n, d]."""
    expected = F.scaled_dot_product_attention(query, key, value).transpose(0, 1).flatten(1)
    return bool((found - expected).abs().mean() < _TOLERANCE * expected.abs().mean())
