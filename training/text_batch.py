"""The text embedding for a batch of rows of unlike lengths, with gradients.

Row by row it is what `TextEmbedding` computes for one request at its own length: a test holds the two together.
"""

import torch
from torch import Tensor

from f5_tts_core.network.dit import frames_within
from f5_tts_core.network.layers import ConvNeXtV2Block, position_table
from f5_tts_core.network.text_embedding import TextEmbedding


def embed_texts(embedding: TextEmbedding, tokens: Tensor, lengths: Tensor, drop: Tensor) -> Tensor:
    """The texts of b rows, one token a frame: [b, frames, text_dim], zero beyond each row.

    `tokens` int64 [b, frames] are ids as in vocab.txt; `lengths` [b] are the rows' frames; `drop` bool [b] takes a
    row's text and keeps its length. Only for architectures that mask padding, as the recipe's does.
    """
    frames = tokens.shape[1]
    within = frames_within(lengths, frames)
    ids = (tokens + 1) * (within & ~drop[:, None])
    within = within[..., None]
    x: Tensor = embedding.text_embed(ids) + position_table(frames, embedding.text_embed.embedding_dim, tokens.device)
    x = x * within
    for block in embedding.text_blocks:
        assert isinstance(block, ConvNeXtV2Block)  # noqa: S101 - narrows the type of a ModuleList's item
        x = _mixed(block, x, within) * within
    return x


def _mixed(block: ConvNeXtV2Block, x: Tensor, within: Tensor) -> Tensor:
    """The block with its norm taken over each row's own frames, [b, frames, d]."""
    mixed = block.dwconv(x.transpose(1, 2)).transpose(1, 2)
    inner = torch.nn.functional.gelu(block.pwconv1(block.norm(mixed))) * within
    change: Tensor = block.pwconv2(block.grn(inner))
    return x + change
