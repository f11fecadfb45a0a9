"""The network's layers by GPU kernels of our own: less than half the launches, and nothing read or written twice.

They take the plain layers' place, and their weights, where they run and come to the same.
"""

import logging
from copy import deepcopy
from typing import Final, cast

import torch
from torch import Tensor, nn

from f5_tts_core.architecture import Architecture
from f5_tts_core.network import kernels
from f5_tts_core.network.attention import Extent
from f5_tts_core.network.dit import DiT
from f5_tts_core.network.layers import ConvPositionEmbedding, DiTBlock

logger = logging.getLogger(__name__)

#: How far from the plain layers in fp32 a sound kernel may be: so many times as far as those in its own precision are,
#: and this, of the result's mean size.
_TIMES_AS_FAR: Final = 2
_AND: Final = 0.002
_TRIED_LENGTHS: Final = (192, 1)


class FusedBlock(nn.Module):
    """A `DiTBlock` for inference, query, key and value of which are one product: in nine kernels, not twenty."""

    def __init__(self, block: DiTBlock) -> None:
        super().__init__()
        self.attn_norm, self.attn, self.ff = block.attn_norm, block.attn, block.ff

    def forward(self, x: Tensor, modulation: Tensor, rotary: Tensor, extent: Extent) -> Tensor:
        attn_shift, attn_scale, attn_gate, ff_shift, ff_scale, ff_gate = modulation.chunk(6, dim=-1)
        attended = self._attend(kernels.norm(x, attn_scale, attn_shift), rotary, extent)
        x, normed = kernels.gated_norm(x, attn_gate, attended, ff_scale, ff_shift)
        return torch.addcmul(x, ff_gate[:, None], self._feed_forward(normed))

    def _attend(self, x: Tensor, rotary: Tensor, extent: Extent) -> Tensor:
        attn = self.attn
        qkv = cast(nn.Module, attn.to_qkv)(x)
        kernels.rotate(qkv, rotary, heads=attn.heads, rotary_heads=attn.rotary_heads)
        attended: Tensor = attn.to_out[0](kernels.attend(qkv, extent.lengths, heads=attn.heads))
        return attended

    def _feed_forward(self, x: Tensor) -> Tensor:
        (project_in, _), _, project_out = cast(tuple[tuple[nn.Linear, nn.Module], nn.Module, nn.Linear], self.ff.ff)
        result: Tensor = project_out(linear_gelu(project_in, x))
        return result


def linear_gelu(layer: nn.Linear, x: Tensor) -> Tensor:
    """A linear layer and its GELU, which cuBLAS applies to what it has just multiplied: the tanh's, as ours."""
    product = torch._addmm_activation(layer.bias, x.flatten(0, 1), layer.weight.T, use_gelu=True)
    return product.view(*x.shape[:-1], -1)


class FusedConvPositionEmbedding(nn.Module):
    """A `ConvPositionEmbedding` for inference, without turning frames and channels over and back."""

    def __init__(self, plain: ConvPositionEmbedding) -> None:
        super().__init__()
        convolutions = [layer for layer in plain.conv1d if isinstance(layer, nn.Conv1d)]
        self.weights = [_by_taps(layer) for layer in convolutions]
        self.biases = [cast(Tensor, layer.bias) for layer in convolutions]

    def forward(self, x: Tensor, extent: Extent) -> Tensor:
        for weight, bias in zip(self.weights, self.biases, strict=True):
            x = kernels.convolve_mish(x, weight, bias, extent.lengths)
        return x


def _by_taps(layer: nn.Conv1d) -> Tensor:
    """The weight [out of all groups, in, taps] as [groups, taps, in, out]."""
    weight = layer.weight.detach()
    return weight.view(layer.groups, -1, *weight.shape[1:]).permute(0, 3, 2, 1).contiguous()


def can_fuse(architecture: Architecture) -> bool:
    """Whether the kernels know such layers: of powers of two as heads, whose queries and keys have no norms."""
    channels = architecture.dim_head
    is_power = channels & (channels - 1) == 0
    return architecture.qk_norm is None and channels >= kernels.LEAST_CHANNELS and is_power


def fuse(network: DiT) -> None:
    """Puts the fused layers in the plain ones' place, if they come to the same here. On CUDA, in half precision."""
    if not can_fuse(network.architecture):
        logger.info("layers by torch's kernels: ours do not know such layers")
        return
    blocks = nn.ModuleList(FusedBlock(cast(DiTBlock, block)) for block in network.transformer_blocks)
    conv = FusedConvPositionEmbedding(cast(ConvPositionEmbedding, network.input_embed.conv_pos_embed))
    try:
        is_sound = agrees(network, blocks[0], conv)
    except Exception as error:  # compilers, drivers and caches fail in as many ways as there are machines
        logger.warning("layers by torch's kernels: ours do not run here", exc_info=error)
        return
    if not is_sound:
        logger.warning("layers by torch's kernels: ours do not come to the same here")
        return
    network.transformer_blocks, network.input_embed.conv_pos_embed = blocks, conv
    logger.info("layers by kernels of our own")


@torch.inference_mode()
def agrees(network: DiT, block: nn.Module, conv: nn.Module) -> bool:
    """Whether they make of rows of unlike lengths what the network's first block and its convolutions make of them."""
    frames, rows, device, a = max(_TRIED_LENGTHS), len(_TRIED_LENGTHS), network.device, network.architecture
    extent = Extent.of(torch.tensor(_TRIED_LENGTHS, device=device), rows, frames, device)
    rotary = network.positions(frames)
    modulation = network.modulate(torch.linspace(0, 0.9, rows, device=device)).blocks[:, 0]
    # Small, so that what a block adds to it is not lost in it; a norm does not mind.
    x = 0.01 * torch.randn(rows, frames, a.dim, generator=torch.Generator().manual_seed(0)).to(device, network.dtype)

    def made_by(block: nn.Module, conv: nn.Module, dtype: torch.dtype) -> list[Tensor]:
        given = x.to(dtype)
        whole = (block(given, modulation.to(dtype), rotary, extent) - given, conv(given, extent))
        return [part[row, :count].float() for part in whole for row, count in enumerate(_TRIED_LENGTHS)]

    plain_block, plain_conv = network.transformer_blocks[0], network.input_embed.conv_pos_embed
    exact = made_by(deepcopy(plain_block).float(), deepcopy(plain_conv).float(), torch.float32)
    usual = made_by(plain_block, plain_conv, network.dtype)
    found = made_by(block, conv, network.dtype)
    return all(
        _distance(ours, truth) <= _TIMES_AS_FAR * _distance(torchs, truth) + _AND
        for ours, torchs, truth in zip(found, usual, exact, strict=True)
    )


def _distance(found: Tensor, truth: Tensor) -> float:
    return float((found - truth).abs().mean() / truth.abs().mean())
