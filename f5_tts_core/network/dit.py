"""F5-TTS's network: from a noisy mel, a reference's mel and a text to the velocity of the flow.

Module names are those of the official checkpoints (below `transformer.`). Shapes: b rows, n mel frames.
"""

from typing import NamedTuple, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from f5_tts_core.architecture import Architecture
from f5_tts_core.network.attention import Extent
from f5_tts_core.network.layers import (
    AdaptiveNorm,
    ConvPositionEmbedding,
    DiTBlock,
    TimestepEmbedding,
    rotary_table,
)
from f5_tts_core.network.text_embedding import TextEmbedding


class Modulation(NamedTuple):
    """What the flow's time does to each norm and gate. Depends on the time alone: worth keeping in a table."""

    #: [b, depth, 6 * dim], in the weights' dtype.
    blocks: Tensor
    #: [b, 2 * dim].
    out: Tensor


class InputEmbedding(nn.Module):
    """Noisy mel, reference mel and text of a frame, joined and projected: [b, n, dim].

    The noisy mel alone changes from step to step, so what the others add is computed apart, once.
    """

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        self.mel_dim = architecture.mel_dim
        self.proj = nn.Linear(2 * architecture.mel_dim + architecture.text_dim, architecture.dim)
        self.conv_pos_embed: nn.Module = ConvPositionEmbedding(architecture.dim)

    def given(self, cond: Tensor, text: Tensor) -> Tensor:
        """What reference mel [b, n, mel_dim] and text [b, n, text_dim] add to the projection."""
        return F.linear(torch.cat([cond, text], dim=-1), self.proj.weight[:, self.mel_dim :], self.proj.bias)

    def forward(self, noisy: Tensor, given: Tensor, extent: Extent) -> Tensor:
        x = F.linear(noisy, self.proj.weight[:, : self.mel_dim]) + given
        positioned: Tensor = x + self.conv_pos_embed(x, extent)
        return positioned


class DiT(nn.Module):
    """The diffusion transformer, v0 and v1, as `architecture` says. Rows do not influence each other."""

    def __init__(self, architecture: Architecture, vocabulary_size: int) -> None:
        super().__init__()
        a = self.architecture = architecture
        self.time_embed = TimestepEmbedding(a.dim)
        self.text_embed = TextEmbedding(a, vocabulary_size)
        self.input_embed = InputEmbedding(a)
        self.transformer_blocks = nn.ModuleList(DiTBlock(a) for _ in range(a.depth))
        self.long_skip_connection = nn.Linear(2 * a.dim, a.dim, bias=False) if a.long_skip_connection else None
        self.norm_out = AdaptiveNorm(a.dim, parts=2)
        self.proj_out = nn.Linear(a.dim, a.mel_dim)
        #: How many parameters it has, however they are arranged later.
        self.size = sum(parameter.numel() for parameter in self.parameters())

    @property
    def dtype(self) -> torch.dtype:
        return self.proj_out.weight.dtype

    @property
    def device(self) -> torch.device:
        return self.proj_out.weight.device

    def positions(self, frames: int) -> Tensor:
        """The rotary angles of `frames` frames, as blocks take them."""
        return rotary_table(frames, self.architecture.dim_head, self.device)

    def embed_text(self, tokens: Tensor, frames: int, *, drop: bool = False) -> Tensor:
        """One request's text at its own length: [frames, text_dim].

        `tokens` [nt] int64 are ids as in vocab.txt. The unconditional row takes the same tokens with `drop`: where
        padding is masked, F5 lets a dropped text keep its length.
        """
        result: Tensor = self.text_embed(tokens, frames, drop)
        return result

    def modulate(self, time: Tensor) -> Modulation:
        """`time` [b] fp32 in 0..1 -> the modulation of each row."""
        embedded = self.time_embed(time)
        blocks = [cast(DiTBlock, block).attn_norm.modulation(embedded) for block in self.transformer_blocks]
        return Modulation(torch.stack(blocks, dim=1).to(self.dtype), self.norm_out.modulation(embedded).to(self.dtype))

    def embed_given(self, cond: Tensor, text: Tensor) -> Tensor:
        """What stays as it is while a row is solved: `cond` [b, n, mel_dim], `text` [b, n, text_dim] -> [b, n, dim].

        `text` is from `embed_text`, padded with anything.
        """
        return self.input_embed.given(cond.to(self.dtype), text.to(self.dtype))

    def forward(
        self, noisy: Tensor, cond: Tensor, text: Tensor, modulation: Modulation, lengths: Tensor | None
    ) -> Tensor:
        """`velocity` from all of a row at once."""
        return self.velocity(noisy, self.embed_given(cond, text), modulation, lengths)

    def velocity(self, noisy: Tensor, given: Tensor, modulation: Modulation, lengths: Tensor | None) -> Tensor:
        """The flow's velocity: fp32 [b, n, mel_dim].

        `noisy` [b, n, mel_dim]; `given` [b, n, dim] from `embed_given`; `lengths` [b] valid frames a row, None where
        all are. What stands beyond a row's length is unspecified.
        """
        rows, frames, _ = noisy.shape
        extent = Extent.of(lengths, rows, frames, noisy.device)
        rotary = self.positions(frames)
        x = embedded = self.input_embed(noisy.to(self.dtype), given, extent)
        for block, parts in zip(self.transformer_blocks, modulation.blocks.unbind(dim=1), strict=True):
            x = block(x, parts, rotary, extent)
        if self.long_skip_connection is not None:
            x = self.long_skip_connection(torch.cat([x, embedded], dim=-1))
        scale, shift = modulation.out.chunk(2, dim=-1)
        velocity: Tensor = self.proj_out(self.norm_out(x, scale, shift))
        return velocity.float()
