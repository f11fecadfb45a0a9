"""Characters to one vector a mel frame."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from f5_tts_core.architecture import Architecture
from f5_tts_core.network.buckets import padded_length
from f5_tts_core.network.layers import ConvNeXtV2Block, position_table


class TextEmbedding(nn.Module):
    """One request's token ids, at its own length, as [frames, text_dim].

    Row 0 of the embedding is the filler: it stands where there is no character, and for all of a dropped text.
    """

    def __init__(self, architecture: Architecture, vocabulary_size: int) -> None:
        super().__init__()
        dim = architecture.text_dim
        self.mask_padding = architecture.text_mask_padding
        self.average_upsampling = architecture.average_upsampling
        self.text_embed = nn.Embedding(vocabulary_size + 1, dim)
        blocks = [ConvNeXtV2Block(dim, 2 * dim) for _ in range(architecture.conv_layers)]
        self.text_blocks = nn.ModuleList(blocks)

    def forward(self, tokens: Tensor, frames: int, drop: bool) -> Tensor:
        """`tokens` [nt] int64, cut where there are more than `frames`. `drop` keeps their number alone."""
        spoken = min(len(tokens), frames)
        ids = torch.zeros_like(tokens[:frames]) if drop else tokens[:frames] + 1
        embedded: Tensor = self.text_embed(F.pad(ids, (0, frames - spoken)))
        if len(self.text_blocks):
            embedded = self._mix(embedded, spoken)
        return spread(embedded[:spoken], frames) if self.average_upsampling else embedded

    def _mix(self, x: Tensor, spoken: int) -> Tensor:
        """Positions and convolutions over [frames, text_dim], the padding held at zero where the model has it so.

        Computed at a bucket's length, what is beyond `frames` held at zero too.
        """
        frames, dim = x.shape
        padded = padded_length(frames)
        within, held = (
            torch.arange(padded, device=x.device)[None, :, None] < count
            for count in (frames, spoken if self.mask_padding else frames)
        )
        x = F.pad(x, (0, 0, 0, padded - frames))[None]
        x = (x + position_table(padded, dim, x.device).to(x.dtype)) * held
        for block in self.text_blocks:
            x = block(x, within) * held
        return x[0, :frames]


def spread(x: Tensor, frames: int) -> Tensor:
    """Repeats each row of `x` [nt, d] so often that they fill `frames`; the last ones once more for the remainder."""
    count = len(x)
    if count == 0:
        return x.new_zeros(frames, x.shape[-1])
    each, remainder = divmod(frames, count)
    repeats = torch.full((count,), each, device=x.device)
    repeats[count - remainder :] += 1
    return x.repeat_interleave(repeats, dim=0, output_size=frames)
