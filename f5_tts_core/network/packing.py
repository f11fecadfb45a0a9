"""Weights arranged for inference: fewer products, on CPUs laid out as they are multiplied fastest, on GPUs with kernels
of our own between them."""

import logging
import platform
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from f5_tts_core.network.dit import DiT
from f5_tts_core.network.layers import DiTBlock

logger = logging.getLogger(__name__)


class PackedLinear(nn.Module):
    """`linear`, and the tanh GELU after it if `gelu`, on a CPU. The weight's layout is oneDNN's own."""

    def __init__(self, linear: nn.Module, *, gelu: bool = False) -> None:
        super().__init__()
        assert isinstance(linear, nn.Linear)  # noqa: S101 - narrows the type of a module's part
        self.weight = nn.Parameter(torch.ops.mkldnn._reorder_linear_weight(linear.weight), requires_grad=False)
        self.bias = linear.bias
        self._after: tuple[str, list[float], str] = ("gelu", [], "tanh") if gelu else ("none", [], "")

    def forward(self, x: Tensor) -> Tensor:
        product: Tensor = torch.ops.mkldnn._linear_pointwise(x, self.weight, self.bias, *self._after)
        return product


class QuantizedLinear(nn.Module):
    """`linear` on a CPU with weights in int8, a scale for each output, and every frame rounded by its own range."""

    weight: Tensor
    scales: Tensor

    def __init__(self, linear: nn.Module, *, gelu: bool = False) -> None:
        super().__init__()
        assert isinstance(linear, nn.Linear)  # noqa: S101 - narrows the type of a module's part
        weight, scales = _in_8_bits(linear.weight)
        self.register_buffer("weight", weight.T.contiguous())
        self.register_buffer("scales", scales[:, 0])
        self.bias = linear.bias
        self._gelu = gelu

    def forward(self, x: Tensor) -> Tensor:
        frames, scales = _in_8_bits(x.flatten(0, -2))
        sums = torch._int_mm(frames, self.weight)
        product = torch.addcmul(self.bias, sums * scales, self.scales).view(*x.shape[:-1], -1)
        return F.gelu(product, approximate="tanh") if self._gelu else product


def _in_8_bits(rows: Tensor) -> tuple[Tensor, Tensor]:
    """Each row of [n, d] as int8, and what it is to be multiplied with: [n, 1]."""
    scales = rows.abs().amax(dim=-1, keepdim=True).clamp(min=1e-8) / 127
    return (rows / scales).round_().to(torch.int8), scales


@torch.no_grad()
def speed_up(network: DiT, dtype: torch.dtype) -> None:
    """Arranges the weights for inference in `dtype`, in place: what is multiplied is the same, its names are not.

    Of `torch.qint8`, which only CPUs run, are the blocks' linear layers, and that changes them a little.
    """
    between = torch.float32 if dtype == torch.qint8 else dtype
    linear = _linear_for(network.device, dtype)
    for block in network.transformer_blocks:
        assert isinstance(block, DiTBlock)  # noqa: S101 - narrows the type of a ModuleList's item
        # One after the other: weights that were just rounded are still in the processor's caches when they are packed.
        block.to(between)
        block.attn.fuse()
        if linear is not None:
            _replace_linears(block, linear)
    network.to(between)
    if network.device.type == "cuda" and dtype in (torch.bfloat16, torch.float16):
        _fuse(network)


def _fuse(network: DiT) -> None:
    try:
        from f5_tts_core.network.fused import fuse  # noqa: PLC0415 - Triton comes with torch's builds for CUDA alone
    except ImportError as error:
        logger.info("layers by torch's kernels: %s", error)
        return
    fuse(network)


def _linear_for(device: torch.device, dtype: torch.dtype) -> type[PackedLinear] | type[QuantizedLinear] | None:
    """What replaces the blocks' linear layers."""
    if dtype == torch.qint8:
        return QuantizedLinear
    return PackedLinear if device.type == "cpu" and _can_pack(dtype) else None


def _can_pack(dtype: torch.dtype) -> bool:
    """Whether this processor multiplies packed weights of `dtype`."""
    if platform.machine() not in ("x86_64", "AMD64") or not torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]
        return False
    return dtype == torch.float32 or (dtype == torch.bfloat16 and torch.ops.mkldnn._is_mkldnn_bf16_supported())


def _replace_linears(block: DiTBlock, linear: type[PackedLinear] | type[QuantizedLinear]) -> None:
    assert block.attn.to_qkv is not None  # noqa: S101 - it was fused just now
    block.attn.to_qkv = linear(block.attn.to_qkv)
    block.attn.to_out[0] = linear(block.attn.to_out[0])
    project_in, _, project_out = block.ff.ff
    block.ff.ff = nn.Sequential(linear(cast(nn.Sequential, project_in)[0], gelu=True), linear(project_out))
