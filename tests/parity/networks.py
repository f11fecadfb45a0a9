"""Small networks that differ in each switch a checkpoint may have, and weights that hide nothing."""

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import nn

from f5_tts_core.architecture import Architecture
from f5_tts_core.network.dit import DiT

VOCABULARY_SIZE = 40

_V1 = Architecture(dim=64, depth=3, heads=2, dim_head=32, ff_mult=2, text_dim=48, conv_layers=2)
VARIANTS = {
    "v1": _V1,
    "v0": replace(_V1, text_mask_padding=False, pe_attn_head=1),
    "qk-norm": replace(_V1, qk_norm="rms_norm"),
    "long-skip": replace(_V1, long_skip_connection=True),
    "average-upsampling": replace(_V1, average_upsampling=True),
    "no-convolutions": replace(_V1, conv_layers=0),
    "no-convolutions-upsampled": replace(_V1, conv_layers=0, average_upsampling=True),
}

#: Ours and upstream's network with the same weights.
Pair = tuple[DiT, nn.Module]
MakePair = Callable[[Architecture], Pair]


def randomise(network: nn.Module) -> None:
    """Moves every weight off its start: where layers start at zero, any two networks agree."""
    generator = torch.Generator().manual_seed(7)
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            around_one = "norm" in name and name.endswith("weight") and parameter.ndim == 1
            parameter.copy_(1 + 0.1 * noise if around_one else 0.1 * noise)


def upstream_arguments(architecture: Architecture) -> dict[str, object]:
    """`architecture` under upstream's names."""
    values = dict(vars(architecture))
    values["text_embedding_average_upsampling"] = values.pop("average_upsampling")
    return values
