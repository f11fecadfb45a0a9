"""Characters to one vector a mel frame."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from f5_tts_core.architecture import Architecture
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
        """Positions and convolutions over [frames, text_dim], the padding held at zero where the model has it so."""
        frames, dim = x.shape
        valid = (torch.arange(frames, device=x.device) < spoken)[:, None] if self.mask_padding else None
        x = x + position_table(frames, dim, x.device).to(x.dtype)
        x = x if valid is None else x * valid
        for block in self.text_blocks:
            x = block(x[None])[0]
            x = x if valid is None else x * valid
        return x


def spread(x: Tensor, frames: int) -> Tensor:
    """Repeats each row of `x` [nt, d] so often that they fill `frames`; the last ones once more for the remainder."""
    count = len(x)
    if count == 0:
        return x.new_zeros(frames, x.shape[-1])
    each, remainder = divmod(frames, count)
    repeats = torch.full((count,), each, device=x.device)
    repeats[count - remainder :] += 1
    return x.repeat_interleave(repeats, dim=0, output_size=frames)
