"""The layers that F5-TTS's network is made of, under the names that its checkpoints use.

Shapes: b rows, n frames, d channels, h heads. Weights may be fp32, bf16 or fp16; what loses by that (the time's
sinusoids, rotary angles, norms' sums) is computed in fp32 whatever the weights are.
"""

import math
from collections.abc import Sequence
from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from f5_tts_core.architecture import Architecture
from f5_tts_core.network.attention import Extent, attend

NORM_EPS = 1e-6


def rotary_frequencies(dim_head: int) -> Tensor:
    """Angle a position adds to each pair of channels: fp32 [dim_head / 2]."""
    return 1.0 / 10_000.0 ** (torch.arange(0, dim_head, 2, dtype=torch.float32) / dim_head)


@lru_cache(maxsize=32)
def rotary_table(frames: int, dim_head: int, device: torch.device) -> Tensor:
    """The rotary angles of `frames` positions as unit complex numbers: complex64 [n, dim_head / 2].

    Kept: all blocks and all steps of a shape share it.
    """
    # A table first made under inference mode could not be used in training later.
    with torch.inference_mode(False):
        angles = torch.outer(torch.arange(frames, dtype=torch.float32), rotary_frequencies(dim_head)).to(device)
        return torch.polar(torch.ones_like(angles), angles)


def rotate(x: Tensor, rotary: Tensor) -> Tensor:
    """Turns each pair of neighbouring channels of `x` [b, h, n, dim_head] by its position's angle.

    As one complex product: half the time of sines and cosines on strided halves.
    """
    pairs = torch.view_as_complex(x.float().reshape(*x.shape[:-1], -1, 2))
    return torch.view_as_real(pairs * rotary).flatten(-2).to(x.dtype, memory_format=torch.contiguous_format)


def position_table(frames: int, dim: int, device: torch.device) -> Tensor:
    """Sinusoidal positions that are added to a text embedding: fp32 [frames, dim], cosines then sines."""
    frequencies = 1.0 / 10_000.0 ** (torch.arange(0, dim, 2, dtype=torch.float32) / dim)
    angles = torch.outer(torch.arange(frames, dtype=torch.float32), frequencies)
    return torch.cat([angles.cos(), angles.sin()], dim=-1).to(device)


class TimestepEmbedding(nn.Module):
    """The flow's time [b] in 0..1 as a vector: fp32 [b, d]."""

    def __init__(self, dim: int, frequencies: int = 256) -> None:
        super().__init__()
        self.frequencies = frequencies
        self.time_mlp = nn.Sequential(nn.Linear(frequencies, dim), nn.SiLU(), nn.Linear(dim, dim))

    def forward(self, time: Tensor) -> Tensor:
        half = self.frequencies // 2
        decay = torch.arange(half, dtype=torch.float32, device=time.device) * -(math.log(10_000) / (half - 1))
        angles = 1000.0 * time.float()[:, None] * decay.exp()
        wide = torch.cat([angles.sin(), angles.cos()], dim=-1)
        first, _, last = self.time_mlp
        return linear_fp32(F.silu(linear_fp32(wide, first)), last)


def linear_fp32(x: Tensor, layer: nn.Module) -> Tensor:
    """A linear layer computed in fp32 whatever its weights are stored in."""
    assert isinstance(layer, nn.Linear)  # noqa: S101 - narrows the type of a Sequential's item
    return F.linear(x.float(), layer.weight.float(), layer.bias.float())


def joined_linear(layers: Sequence[nn.Linear]) -> nn.Linear:
    """One layer that makes what all of them make of the same input, side by side."""
    weight = torch.cat([layer.weight for layer in layers])
    joined = nn.Linear(weight.shape[1], weight.shape[0], device="meta")
    joined.weight = nn.Parameter(weight, requires_grad=False)
    joined.bias = nn.Parameter(torch.cat([layer.bias for layer in layers]), requires_grad=False)
    return joined


class GlobalResponseNorm(nn.Module):
    """ConvNeXt-V2's: each channel of [b, n, d] is weighed by its norm over the frames against the others'."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.zeros(1, 1, dim))
        self.beta = nn.Parameter(torch.zeros(1, 1, dim))

    def forward(self, x: Tensor) -> Tensor:
        norms = torch.linalg.vector_norm(x, dim=1, keepdim=True, dtype=torch.float32)
        weight = norms / (norms.mean(dim=-1, keepdim=True) + 1e-6)
        normed: Tensor = self.gamma * (x * weight.to(x.dtype)) + self.beta + x
        return normed


class ConvNeXtV2Block(nn.Module):
    """[b, n, d] -> [b, n, d]: a depthwise convolution over 7 frames, then a widened pointwise network."""

    def __init__(self, dim: int, inner_dim: int) -> None:
        super().__init__()
        self.dwconv = nn.Conv1d(dim, dim, kernel_size=7, padding=3, groups=dim)
        self.norm = nn.LayerNorm(dim, eps=NORM_EPS)
        self.pwconv1 = nn.Linear(dim, inner_dim)
        self.grn = GlobalResponseNorm(inner_dim)
        self.pwconv2 = nn.Linear(inner_dim, dim)

    def forward(self, x: Tensor, within: Tensor) -> Tensor:
        """`within` [b, n, 1] is true inside each row, over whose frames alone the norm is taken."""
        mixed = self.dwconv(x.transpose(1, 2)).transpose(1, 2)
        inner = F.gelu(self.pwconv1(self.norm(mixed))) * within
        change: Tensor = self.pwconv2(self.grn(inner))
        return x + change


class ConvPositionEmbedding(nn.Module):
    """What two wide convolutions tell a frame about its neighbours: [b, n, d] -> [b, n, d]."""

    def __init__(self, dim: int, kernel_size: int = 31, groups: int = 16) -> None:
        super().__init__()
        self.conv1d = nn.Sequential(
            nn.Conv1d(dim, dim, kernel_size, groups=groups, padding=kernel_size // 2),
            nn.Mish(),
            nn.Conv1d(dim, dim, kernel_size, groups=groups, padding=kernel_size // 2),
            nn.Mish(),
        )

    def forward(self, x: Tensor, extent: Extent) -> Tensor:
        """Frames beyond a row's length act as the zeros past a true end."""
        x = x.transpose(1, 2)
        for layer in self.conv1d:
            if extent.valid is not None and isinstance(layer, nn.Conv1d):
                x = x * extent.valid[:, None]
            x = layer(x)
        return x.transpose(1, 2)


class Attention(nn.Module):
    """Self-attention over the frames, with rotary positions on all heads or the first few."""

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        a = architecture
        self.heads = a.heads
        self.rotary_heads = a.heads if a.pe_attn_head is None else min(a.pe_attn_head, a.heads)
        inner_dim = a.heads * a.dim_head
        self.to_q = nn.Linear(a.dim, inner_dim)
        self.to_k = nn.Linear(a.dim, inner_dim)
        self.to_v = nn.Linear(a.dim, inner_dim)
        self.q_norm = nn.RMSNorm(a.dim_head, eps=NORM_EPS) if a.qk_norm else None
        self.k_norm = nn.RMSNorm(a.dim_head, eps=NORM_EPS) if a.qk_norm else None
        # A list of one: checkpoints call it `to_out.0`.
        self.to_out = nn.ModuleList([nn.Linear(inner_dim, a.dim)])

        #: One product in place of the first three, once they are fused.
        self.to_qkv: nn.Module | None = None

    def fuse(self) -> None:
        """For inference: query, key and value in one product. The checkpoint's names are gone then."""
        parts = [self.to_q, self.to_k, self.to_v]
        self.to_qkv = joined_linear(parts)
        del self.to_q, self.to_k, self.to_v

    def forward(self, x: Tensor, rotary: Tensor, extent: Extent) -> Tensor:
        query, key, value = (self._split(part) for part in self._project(x))
        query = self._positioned(query, self.q_norm, rotary)
        key = self._positioned(key, self.k_norm, rotary)
        joined: Tensor = self.to_out[0](attend(query, key, value, extent))
        return joined

    def _project(self, x: Tensor) -> Sequence[Tensor]:
        if self.to_qkv is None:
            return self.to_q(x), self.to_k(x), self.to_v(x)
        parts: Sequence[Tensor] = self.to_qkv(x).chunk(3, dim=-1)
        return parts

    def _split(self, x: Tensor) -> Tensor:
        """[b, n, h * dim_head] -> [b, h, n, dim_head]."""
        rows, frames, _ = x.shape
        return x.view(rows, frames, self.heads, -1).transpose(1, 2)

    def _positioned(self, x: Tensor, norm: nn.Module | None, rotary: Tensor) -> Tensor:
        if norm is not None:
            x = norm(x)
        if self.rotary_heads == self.heads:
            return rotate(x, rotary)
        return torch.cat([rotate(x[:, : self.rotary_heads], rotary), x[:, self.rotary_heads :]], dim=1)


class FeedForward(nn.Module):
    """[b, n, d] -> [b, n, d] through `mult` times as many channels."""

    def __init__(self, dim: int, mult: int) -> None:
        super().__init__()
        # The nesting and the idle middle are the checkpoints': `ff.0.0` and `ff.2`.
        project_in = nn.Sequential(nn.Linear(dim, dim * mult), nn.GELU(approximate="tanh"))
        self.ff = nn.Sequential(project_in, nn.Identity(), nn.Linear(dim * mult, dim))

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.ff(x)
        return result


class AdaptiveNorm(nn.Module):
    """Layer norm without weights of its own: scale and shift come from the flow's time, by `linear`."""

    def __init__(self, dim: int, parts: int) -> None:
        super().__init__()
        self.linear = nn.Linear(dim, dim * parts)

    def modulation(self, time: Tensor) -> Tensor:
        """The time's embedding [b, d] -> fp32 [b, parts * d]."""
        return linear_fp32(F.silu(time), self.linear)

    def forward(self, x: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
        return modulated_norm(x, scale, shift)


def modulated_norm(x: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
    """Layer norm of [b, n, d], times 1 + `scale`, plus `shift`, both [b, d]."""
    return torch.addcmul(shift[:, None], F.layer_norm(x, x.shape[-1:], eps=NORM_EPS), 1 + scale[:, None])


class DiTBlock(nn.Module):
    """Attention, then a feed-forward network, each normed, scaled, shifted and gated by the flow's time."""

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        self.attn_norm = AdaptiveNorm(architecture.dim, parts=6)
        self.attn = Attention(architecture)
        self.ff = FeedForward(architecture.dim, architecture.ff_mult)

    def forward(self, x: Tensor, modulation: Tensor, rotary: Tensor, extent: Extent) -> Tensor:
        """`x` [b, n, d], `modulation` [b, 6 * d] of this block."""
        attn_shift, attn_scale, attn_gate, ff_shift, ff_scale, ff_gate = modulation.chunk(6, dim=-1)
        attended = self.attn(self.attn_norm(x, attn_scale, attn_shift), rotary, extent)
        x = torch.addcmul(x, attn_gate[:, None], attended)
        return torch.addcmul(x, ff_gate[:, None], self.ff(modulated_norm(x, ff_scale, ff_shift)))
