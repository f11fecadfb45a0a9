"""The text embedding for a batch of rows of unlike lengths, with gradients.

Row by row it is what `TextEmbedding` computes for one request at its own length: a test holds the two together.
"""

import torch
from torch import Tensor

from f5_tts_core.network.dit import frames_within
from f5_tts_core.network.layers import ConvNeXtV2Block, position_table
from f5_tts_core.network.text_embedding import TextEmbedding


def embed_texts(embedding: TextEmbedding, tokens: Tensor, counts: Tensor, lengths: Tensor, drop: Tensor) -> Tensor:
    """The texts of b rows, spread over `lengths` frames: [b, frames, text_dim], zero beyond.

    `tokens` int64 [b, frames] are ids as in vocab.txt, the first `counts` [b] of each row valid; `lengths` [b] and
    `frames`, the padded length, are mel frames; `drop` bool [b] takes a row's text and keeps its length. Only for
    the architecture that the recipe trains: padding masked, text spread evenly.
    """
    frames = tokens.shape[1]
    counts = torch.minimum(counts, lengths)
    spoken, within = (frames_within(limit, frames)[..., None] for limit in (counts, lengths))
    ids = (tokens + 1) * (spoken[..., 0] & ~drop[:, None])
    x = embedding.text_embed(ids) + position_table(frames, embedding.text_embed.embedding_dim, tokens.device)
    x = x * spoken
    for block in embedding.text_blocks:
        assert isinstance(block, ConvNeXtV2Block)  # noqa: S101 - narrows the type of a ModuleList's item
        x = _mixed(block, x, within) * spoken
    return torch.take_along_dim(x, _sources(counts, lengths, frames)[..., None], dim=1) * within


def _mixed(block: ConvNeXtV2Block, x: Tensor, within: Tensor) -> Tensor:
    """The block with its norm taken over each row's own frames, [b, frames, d]."""
    mixed = block.dwconv(x.transpose(1, 2)).transpose(1, 2)
    inner = torch.nn.functional.gelu(block.pwconv1(block.norm(mixed))) * within
    change: Tensor = block.pwconv2(block.grn(inner))
    return x + change


def _sources(counts: Tensor, lengths: Tensor, frames: int) -> Tensor:
    """Which token each frame takes, int64 [b, frames]: all equally many frames, the last ones one more."""
    count, length = counts[:, None].clamp(min=1), lengths[:, None]
    each, remainder = length // count, length % count
    frame = torch.arange(frames, device=counts.device)
    plain = (count - remainder) * each
    later = count - remainder + (frame - plain) // (each + 1)
    return torch.where(frame < plain, frame // each.clamp(min=1), later).clamp(max=frames - 1)
