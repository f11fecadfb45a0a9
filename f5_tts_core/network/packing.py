"""Weights arranged for inference: fewer products, and on CPUs laid out once as oneDNN multiplies fastest."""

import platform
from typing import cast

import torch
from torch import Tensor, nn

from f5_tts_core.network.dit import DiT
from f5_tts_core.network.layers import DiTBlock


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


@torch.no_grad()
def speed_up(network: DiT) -> None:
    """Arranges the blocks' weights for inference, in place: what is multiplied is the same, its names are not."""
    packs = network.device.type == "cpu" and _can_pack(network.dtype)
    for block in network.transformer_blocks:
        assert isinstance(block, DiTBlock)  # noqa: S101 - narrows the type of a ModuleList's item
        block.attn.fuse()
        if packs:
            _pack(block)


def _can_pack(dtype: torch.dtype) -> bool:
    """Whether this processor multiplies packed weights of `dtype`."""
    if platform.machine() not in ("x86_64", "AMD64") or not torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]
        return False
    return dtype == torch.float32 or (dtype == torch.bfloat16 and torch.ops.mkldnn._is_mkldnn_bf16_supported())


def _pack(block: DiTBlock) -> None:
    assert block.attn.to_qkv is not None  # noqa: S101 - it was fused just now
    block.attn.to_qkv = PackedLinear(block.attn.to_qkv)
    block.attn.to_out[0] = PackedLinear(block.attn.to_out[0])
    project_in, _, project_out = block.ff.ff
    block.ff.ff = nn.Sequential(PackedLinear(cast(nn.Sequential, project_in)[0], gelu=True), PackedLinear(project_out))
