"""The text embedding for a batch of rows of unlike lengths, with gradients.

Row by row it is what `TextEmbedding` computes for one request at its own length: a test holds the two together.
"""

from torch import Tensor

from f5_tts_core.network.attention import frames_within
from f5_tts_core.network.layers import position_table
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
        x = block(x, within) * within
    return x
